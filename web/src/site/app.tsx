import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { OfflineBanner } from "../shared/components/small.tsx";
import { Toasts } from "../shared/components/toast.tsx";
import { lazily } from "../shared/lazy.tsx";
import { interceptLinks, usePlace } from "../shared/navigation.ts";
import { forgetResources } from "../shared/resource.ts";
import { type Params, resolve } from "../shared/router.ts";
import { whoami } from "../shared/session.ts";
import { Header } from "./header.tsx";
import { Home } from "./home/home.tsx";
import { NotFound } from "./not_found.tsx";
import { SignInPage } from "./sign_in.tsx";
import { TitlePage } from "./title/title.tsx";
import { WatchPage } from "./watch/watch.tsx";

const UploadPage = lazily(() => import("./upload/upload.tsx").then((module) => module.UploadPage));

interface Page {
  view: ComponentType<{ params: Params }>;
  /** The film has the whole window. */
  bare?: boolean;
  /** The page's picture runs up behind the header. */
  behind?: boolean;
}

const PAGES: readonly (readonly [string, Page])[] = [
  ["/", { view: Home, behind: true }],
  ["/t/:slug", { view: TitlePage, behind: true }],
  ["/watch/:slug", { view: WatchPage, bare: true }],
  ["/upload", { view: UploadPage }],
  ["/sign-in", { view: SignInPage }],
];

export function App() {
  const { path } = usePlace();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const [person, setPerson] = useState(whoami.value?.id);
  const found = resolve(PAGES, path);
  const page: Page = found?.value ?? { view: NotFound };

  useEffect(() => interceptLinks((to) => !to.startsWith("/console")), []);
  useEffect(
    () =>
      whoami.watch((me) => {
        if (person !== undefined && me?.id !== person) forgetResources();
        setPerson(me?.id);
      }),
    [person],
  );
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);

  const View = page.view;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      {!page.bare && <Header behind={Boolean(page.behind)} />}
      <OfflineBanner />
      <main id="main" ref={main} tabIndex={-1} class={page.bare ? "bare" : page.behind ? "behind" : "plain"}>
        <View key={path} params={found?.params ?? {}} />
      </main>
      <Toasts />
    </>
  );
}

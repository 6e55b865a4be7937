import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../shared/components/icons.tsx";
import { CopyCommand, Quiet, Skeleton, useTitle } from "../../shared/components/small.tsx";
import { count } from "../../shared/format.ts";
import { nameProblem } from "../../shared/rules.ts";
import { may, signInHere, useMe } from "../../shared/session.ts";
import { ItemView } from "./item_view.tsx";
import { addFiles, startAll, useUploads } from "./use_uploads.ts";

/** Where a film comes in. */
export function UploadPage() {
  useTitle("Upload · bijou");
  const me = useMe();
  if (!me) return <UploadSkeleton />;
  if (!me.name) {
    return (
      <Quiet icon="upload" heading="Sign in to upload" words="Films are brought in by editors; sign in as one, and you come back here." command="upload film.mp4">
        <a class="button button-accent" href={signInHere()}>
          Sign in
        </a>
      </Quiet>
    );
  }
  if (!may(me, "editor")) {
    return (
      <Quiet icon="upload" heading="Only editors upload" words={`${me.name} is no editor here. An operator can give you the role, in the console under Users.`}>
        <a class="button" href="/">
          To the films
        </a>
      </Quiet>
    );
  }
  return <Uploads />;
}

function Uploads() {
  const items = useUploads();
  const drafts = items.filter((item) => item.stage.name === "draft");
  const wrong = drafts.some((item) => nameProblem(item.name));
  return (
    <section class="upload-page">
      <h1 class="display">Upload</h1>
      <p class="upload-words">A film as MP4, QuickTime, Matroska, WebM, MPEG-TS or AVI. It is inspected, encoded and packaged here, and appears on the site by itself.</p>
      <DropZone small={items.length > 0} />
      {items.length > 0 && (
        <ul class="upload-list">
          {items.map((item) => (
            <ItemView key={item.key} item={item} />
          ))}
        </ul>
      )}
      {drafts.length > 0 && (
        <div class="upload-go">
          <button type="button" class="button button-accent button-large" disabled={wrong} onClick={startAll}>
            <Icon name="upload" size={20} /> Upload {count(drafts.length, "film")}
          </button>
          {drafts.length > 1 && <span>One after another, in this order</span>}
        </div>
      )}
      {items.length === 0 && (
        <div class="upload-command">
          <p>Or from a terminal:</p>
          <CopyCommand words="upload film.mp4" />
        </div>
      )}
    </section>
  );
}

function DropZone({ small }: { small: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  useEffect(() => {
    // A file that misses the zone must not replace the page.
    const onOver = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(true);
    };
    const onLeave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const onDrop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer?.files.length) addFiles(event.dataTransfer.files);
    };
    addEventListener("dragover", onOver);
    addEventListener("dragleave", onLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onOver);
      removeEventListener("dragleave", onLeave);
      removeEventListener("drop", onDrop);
    };
  }, []);
  return (
    <label class={`drop ${small ? "drop-small" : ""} ${over ? "drop-over" : ""}`}>
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        accept="video/*,.mkv,.mov,.ts,.mxf,.avi,.webm,.m4v"
        multiple
        onChange={(event) => {
          addFiles(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
      <Icon name="upload" size={small ? 24 : 40} />
      <span class="drop-words">{over ? "Let go to add it" : small ? "Add more films" : "Drop films here, or choose them"}</span>
      {!small && <span class="drop-note">MP4, MOV, MKV, WebM, TS or AVI</span>}
    </label>
  );
}

function UploadSkeleton() {
  return (
    <section class="upload-page" role="status" aria-label="Loading">
      <Skeleton class="line" style={{ width: "180px", height: "36px" }} />
      <Skeleton class="drop-skeleton" />
    </section>
  );
}

import { useState } from "preact/hooks";
import type { Title } from "../api/types.ts";
import { at, avoidEdge, useEdges } from "../shared/art.ts";
import { accentOf } from "../shared/facts.ts";

interface Props {
  title: Title;
  class?: string;
  eager?: boolean;
}

/** A title's still picture; its own colour and name before, or where there is none. */
export function Art({ title, class: name = "", eager = false }: Props) {
  const edges = useEdges();
  const [failed, setFailed] = useState<string[]>([]);
  const [loaded, setLoaded] = useState(false);
  const { poster } = title.publication;
  const edge = poster ? edges.find((one) => !failed.includes(one.region)) : undefined;
  return (
    <span class={`art ${name} ${loaded && edge ? "art-loaded" : ""}`} style={{ "--accent-of": accentOf(title) }}>
      {(!edge || !loaded) && <span class="art-name" aria-hidden="true">{edge || (poster && !edges.length && !failed.length) ? "" : title.name}</span>}
      {edge && (
        <img
          src={at(edge, poster)}
          alt=""
          decoding="async"
          loading={eager ? "eager" : "lazy"}
          fetchpriority={eager ? "high" : "auto"}
          onLoad={() => setLoaded(true)}
          onError={() => {
            avoidEdge(edge);
            setFailed([...failed, edge.region]);
          }}
        />
      )}
    </span>
  );
}

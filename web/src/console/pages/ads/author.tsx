import { useMe } from "../../../shared/session.ts";

/** Who made a change: by name where that is oneself or the house, else by id. */
export function Author({ id }: { id: string }) {
  const me = useMe();
  return <span title={id}>{id === me?.id ? me.name : id}</span>;
}

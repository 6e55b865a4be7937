import { Icon } from "../../../../shared/components/icons.tsx";
import type { Askable } from "./dimension.ts";
import { AUDIENCE, AUDIENCE_WAYS, beginning, beginningOfAudience, dimensionOf, type Way, wayOf, waysOf } from "./asking.ts";
import { type Group, groupOf, isGroup, type Kind, type Part, type Test, testOf } from "./form.ts";
import { LeafValues } from "./leaf_values.tsx";

export type Change = (id: number, change: (part: Part) => Part | null) => void;

interface Props {
  group: Group;
  outermost?: boolean;
  dimensions: readonly Askable[];
  audiences: readonly string[];
  missing: ReadonlyMap<number, string>;
  onChange: Change;
}

const KINDS: readonly (readonly [Kind, string])[] = [
  ["all", "All of these hold"],
  ["any", "Any of these holds"],
  ["none", "None of these holds"],
];
const SOURCES: readonly (readonly [Askable["source"], string])[] = [
  ["profile", "Viewer"],
  ["request", "Request"],
  ["content", "Title"],
  ["time", "Time"],
];

/** A group of tests and groups, with what joins them. */
export function GroupView({ group, outermost = false, ...rest }: Props) {
  const { dimensions, onChange, missing } = rest;
  const add = (part: Part) => onChange(group.id, (found) => (isGroup(found) ? { ...found, of: [...found.of, part] } : found));
  const first = dimensions.find((dimension) => dimension.source === "profile") ?? dimensions[0];
  return (
    <div class="rule-group" role="group" aria-label={KINDS.find(([kind]) => kind === group.kind)?.[1]}>
      <div class="rule-group-head">
        <select
          class="input"
          aria-label="How these are joined"
          value={group.kind}
          onChange={(event) => {
            const kind = event.currentTarget.value as Kind;
            onChange(group.id, (found) => (isGroup(found) ? { ...found, kind } : found));
          }}
        >
          {KINDS.map(([kind, words]) => (
            <option key={kind} value={kind}>
              {words}
            </option>
          ))}
        </select>
        {!outermost && <Remove what="this group" onClick={() => onChange(group.id, () => null)} />}
      </div>
      {outermost && group.kind === "all" && !group.of.length && <p class="rule-waits">No test yet: everybody.</p>}
      {missing.has(group.id) && <p class="rule-lack">{missing.get(group.id)}</p>}
      {group.of.map((part) => (isGroup(part) ? <GroupView key={part.id} group={part} {...rest} /> : <TestView key={part.id} test={part} {...rest} />))}
      <div class="rule-add">
        <button type="button" class="button button-small" disabled={!first} onClick={() => first && add(testOf(beginning(first)))}>
          <Icon name="plus" size={16} /> Test
        </button>
        <button type="button" class="button button-small button-quiet" onClick={() => add(groupOf(group.kind === "any" ? "all" : "any"))}>
          <Icon name="plus" size={16} /> Group
        </button>
      </div>
    </div>
  );
}

type TestProps = Omit<Props, "group" | "outermost"> & { test: Test };

function TestView({ test, dimensions, audiences, missing, onChange }: TestProps) {
  const name = dimensionOf(test.leaf);
  const asked = dimensions.find((dimension) => dimension.name === name);
  const ways = name === AUDIENCE ? AUDIENCE_WAYS : asked ? waysOf(asked) : [];
  const way = wayOf(test.leaf, test.holds, ways);
  const put = (next: Pick<Test, "leaf" | "holds">) => onChange(test.id, (found) => ({ ...found, ...next }));
  const lack = missing.get(test.id);
  return (
    <div class={lack ? "rule-test rule-test-lacks" : "rule-test"}>
      {test.leaf.is === "const" ? (
        <span class="rule-const">{test.leaf.value === test.holds ? "Everybody" : "Nobody"}</span>
      ) : (
        <>
          <DimensionSelect
            name={name}
            dimensions={dimensions}
            withAudiences={audiences.length > 0 || name === AUDIENCE}
            onChange={(next) => put({ leaf: beginningOf(next, dimensions), holds: true })}
          />
          {way && <WaySelect way={way} ways={ways} onChange={(next) => put({ leaf: next.of(test.leaf), holds: next.holds })} />}
          <LeafValues leaf={test.leaf} dimensions={dimensions} audiences={audiences} onChange={(leaf) => put({ leaf, holds: test.holds })} />
        </>
      )}
      <Remove what="this test" onClick={() => onChange(test.id, () => null)} />
      {lack && <p class="rule-lack">{lack}</p>}
    </div>
  );
}

function beginningOf(name: string, dimensions: readonly Askable[]) {
  const asked = dimensions.find((dimension) => dimension.name === name);
  return asked ? beginning(asked) : beginningOfAudience();
}

function DimensionSelect({ name, dimensions, withAudiences, onChange }: { name: string; dimensions: readonly Askable[]; withAudiences: boolean; onChange: (name: string) => void }) {
  const known = name === AUDIENCE || dimensions.some((dimension) => dimension.name === name);
  return (
    <select class="input rule-dimension" aria-label="What is asked" value={name} onChange={(event) => onChange(event.currentTarget.value)}>
      {!known && <option value={name}>{name}</option>}
      {withAudiences && <option value={AUDIENCE}>audience</option>}
      {SOURCES.map(([source, words]) => {
        const there = dimensions.filter((dimension) => dimension.source === source && dimension.privacy !== "sensitive");
        return (
          there.length > 0 && (
            <optgroup key={source} label={words}>
              {there.map((dimension) => (
                <option key={dimension.name} value={dimension.name} title={dimension.says}>
                  {dimension.name}
                </option>
              ))}
            </optgroup>
          )
        );
      })}
    </select>
  );
}

function WaySelect({ way, ways, onChange }: { way: Way; ways: readonly Way[]; onChange: (way: Way) => void }) {
  const all = ways.some((one) => one.key === way.key) ? ways : [...ways, way];
  return (
    <select
      class="input rule-way"
      aria-label="How it is asked"
      value={way.key}
      onChange={(event) => {
        const next = all.find((one) => one.key === event.currentTarget.value);
        if (next) onChange(next);
      }}
    >
      {all.map((one) => (
        <option key={one.key} value={one.key}>
          {one.words}
        </option>
      ))}
    </select>
  );
}

function Remove({ what, onClick }: { what: string; onClick: () => void }) {
  return (
    <button type="button" class="icon-button icon-button-small rule-remove" aria-label={`Take ${what} away`} title={`Take ${what} away`} onClick={onClick}>
      <Icon name="close" size={16} />
    </button>
  );
}

import { useMemo, useState } from "preact/hooks";
import type { Role, User } from "../../api/types.ts";
import { Dialog } from "../../shared/components/dialog.tsx";
import { Icon } from "../../shared/components/icons.tsx";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Ago, Field, Quiet } from "../../shared/components/small.tsx";
import { toast } from "../../shared/components/toast.tsx";
import { type ApiError, asApiError } from "../../shared/problem.ts";
import { useResource } from "../../shared/resource.ts";
import { passwordProblem, userNameProblem } from "../../shared/rules.ts";
import { api, may, useMe } from "../../shared/session.ts";
import { type CellColumn, DataTable, TableSkeleton } from "../table/data_table.tsx";

/** Who may come in, and as what. */
export function Users() {
  const me = useMe();
  if (!may(me, "operator")) {
    return <Quiet icon="people" heading="For operators" words="Only an operator sees who may come in, and lets others in." />;
  }
  return <UserTable />;
}

function UserTable() {
  const { data: users, error, reload } = useResource("users", api.users);
  const [adding, setAdding] = useState(false);
  const columns = useMemo(userColumns, []);
  if (error && !users) return <ProblemView error={error} onRetry={reload} />;
  return (
    <section class="page page-table">
      <div class="page-head">
        <h1>Users</h1>
        <button type="button" class="button button-accent button-small" onClick={() => setAdding(true)}>
          <Icon name="plus" size={16} /> Add a user
        </button>
      </div>
      {users ? <DataTable rows={users} columns={columns} idOf={(user) => user.id} noun="user" order={{ key: "name", down: false }} /> : <TableSkeleton />}
      {adding && <AddUser onClose={() => setAdding(false)} onAdded={reload} />}
    </section>
  );
}

function userColumns(): CellColumn<User>[] {
  return [
    { key: "name", heading: "Name", width: 260, value: (user) => user.name, cell: (user) => <strong>{user.name}</strong> },
    {
      key: "roles",
      heading: "Roles",
      width: 320,
      value: (user) => user.roles.join(" "),
      cell: (user) => (
        <span class="chips">
          {user.roles.map((role) => (
            <span class="chip" key={role}>
              {role}
            </span>
          ))}
        </span>
      ),
    },
    { key: "created", heading: "Added", width: 140, unsearched: true, value: (user) => user.created_at, cell: (user) => <Ago at={user.created_at} /> },
    { key: "id", heading: "Id", width: 330, hidden: true, value: (user) => user.id, cell: (user) => <code>{user.id}</code> },
  ];
}

const ROLES: readonly (readonly [Role, string])[] = [
  ["viewer", "watches, with profiles of their own"],
  ["editor", "uploads, edits and withdraws titles"],
  ["adops", "runs campaigns"],
  ["operator", "looks after services and users"],
];

function AddUser({ onClose, onAdded }: { onClose: () => void; onAdded: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [roles, setRoles] = useState<readonly Role[]>(["viewer"]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const wrongName = name ? userNameProblem(name) : undefined;
  const wrongPassword = password ? passwordProblem(password) : undefined;
  const add = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const user = await api.addUser({ name, password, roles: [...roles] });
      toast(`${user.name} may come in`, { tone: "good" });
      onAdded();
      onClose();
    } catch (failure) {
      setError(asApiError(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Add a user" onClose={onClose}>
      <form onSubmit={(event) => void add(event)}>
        <Field label="Name" hint="1 to 64 of a-z 0-9 . _ -, or an e-mail address" error={wrongName}>
          {(ids) => <input {...ids} class="input" autocomplete="off" autocapitalize="none" spellcheck={false} value={name} onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <Field label="Password" hint="10 to 256 characters" error={wrongPassword}>
          {(ids) => <input {...ids} class="input" type="password" autocomplete="new-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />}
        </Field>
        <fieldset class="role-list">
          <legend>Roles</legend>
          {ROLES.map(([role, meaning]) => (
            <label key={role}>
              <input
                type="checkbox"
                checked={roles.includes(role)}
                onChange={(event) => setRoles(event.currentTarget.checked ? [...roles, role] : roles.filter((one) => one !== role))}
              />
              <strong>{role}</strong>
              <span>{meaning}</span>
            </label>
          ))}
        </fieldset>
        {error && <ProblemView error={error} small />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-accent" disabled={busy || !name || !password || Boolean(wrongName ?? wrongPassword)}>
            {busy ? "Adding…" : "Add"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

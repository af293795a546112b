// What a page's filter asks for, as an address has it.

/** Return those of the named fields of a form that are set, and `more`: a value, or a list of them, by name. */
export function queryOf(form, names, more = {}) {
  const params = new URLSearchParams();
  const fields = new FormData(form);
  for (const name of names) if (fields.get(name)) params.set(name, fields.get(name));
  for (const [name, value] of Object.entries(more)) for (const each of [value].flat()) params.append(name, each);
  return params.toString();
}

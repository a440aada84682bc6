// What may change between the released schema and the present one. The rules:
//
//   - Nothing that a client of the released schema relies on goes or changes, as
//     @graphql-inspector/core tells what breaks.
//   - Except what was deprecated in the released schema: that may go, and so may types that nothing
//     else led to.
//   - A guard asks for no more than it did: it would refuse whom it let in.
//   - @deprecated names what to use instead, in `backquotes`: something beside it, or Type.field.
//   - CHANGELOG.md names each change under Unreleased, by its path in `backquotes`, or a root field by
//     its name: what is deprecated under Deprecated, what is gone under Removed.
import { ChangeType, CriticalityLevel, diff } from '@graphql-inspector/core'
import { getNamedType, isAbstractType, isEnumType, isInputObjectType, isInterfaceType, isObjectType, isUnionType } from 'graphql'

const { TypeRemoved, FieldRemoved, FieldArgumentRemoved, InputFieldRemoved, EnumValueRemoved } = ChangeType
const removals = [TypeRemoved, FieldRemoved, FieldArgumentRemoved, InputFieldRemoved, EnumValueRemoved]

/** Returns what would break clients of the released schema, a line each. */
export async function breakingChanges(released, present) {
  const changes = await diff(released, present)
  const breaking = changes.filter(
    ({ criticality, type, path }) =>
      criticality.level === CriticalityLevel.Breaking && !(removals.includes(type) && wasGivenNotice(released, path)),
  )
  return [...breaking.map(({ message }) => message), ...tightenedGuards(released, present)]
}

/** Returns which deprecations do not say what to use instead, a line each. */
export function badDeprecations(schema) {
  return [...elements(schema)].flatMap(({ path, element, siblings }) => {
    if (element.deprecationReason == null) return []
    const names = [...element.deprecationReason.matchAll(/`([\w.]+)`/g)].map(([, name]) => name)
    const known = (name) => {
      const found = name.includes('.') ? find(schema, name) : siblings.find((sibling) => sibling.name === name)
      return found && found !== element && found.deprecationReason == null
    }
    return names.some(known) ? [] : [`${path}: the reason "${element.deprecationReason}" names nothing to use instead`]
  })
}

/** Returns which changes since the released schema a changelog does not name, a line each. */
export function unmentionedChanges(released, present, changelog) {
  const [, unreleased = ''] = /^## \[Unreleased\]\n(.*?)(?=^## |$(?![^]))/ms.exec(changelog) ?? []
  const section = (title) => new RegExp(`^### ${title}\\n(.*?)(?=^### |$(?![^]))`, 'ms').exec(unreleased)?.[1] ?? ''
  const named = (path, text) => [path, path.replace(/^(Query|Mutation|Subscription)\./, '')].some((name) => text.includes(`\`${name}\``))
  const before = standing(released)
  const after = standing(present)
  const lines = []
  const want = (paths, what, text, where) => {
    for (const path of paths) if (!named(path, text)) lines.push(`${path} is ${what}, and CHANGELOG.md does not say so under ${where}`)
  }
  const outermost = (paths) => paths.filter((path) => !paths.includes(path.slice(0, path.lastIndexOf('.'))))
  const [was, is] = [[...before.keys()], [...after.keys()]]
  want(outermost(is.filter((path) => !before.has(path))), 'new', unreleased, 'Unreleased')
  want(outermost(was.filter((path) => !after.has(path))), 'gone', section('Removed'), 'Unreleased, Removed')
  const both = is.filter((path) => before.has(path))
  const deprecated = (path) => after.get(path).deprecated && !before.get(path).deprecated
  want(both.filter(deprecated), 'deprecated', section('Deprecated'), 'Unreleased, Deprecated')
  want(both.filter((path) => before.get(path).form !== after.get(path).form), 'another', unreleased, 'Unreleased')
  return lines
}

/** Returns what stands at each path of a schema, as far as clients can tell: its form, and whether it is deprecated. */
function standing(schema) {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()] // their fields are what counts
  const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__') && !roots.includes(type))
  const found = new Map(types.map((type) => [type.name, { form: isUnionType(type) ? String(type.getTypes()) : type.constructor.name }]))
  for (const { path, element } of elements(schema)) {
    const form = [String(element.type), JSON.stringify(element.defaultValue), JSON.stringify(guard(element))].join(' ')
    found.set(path, { form, deprecated: element.deprecationReason != null })
  }
  return found
}

/** Reports whether what stood at a path of the released schema was deprecated there, or led to by nothing else. */
function wasGivenNotice(released, path) {
  if (released.getType(path)) return !reachable(released).has(path)
  return find(released, path)?.deprecationReason != null
}

/** Returns the field, argument, input or enum value at a path such as User.email or Query.user.id. */
function find(schema, path) {
  for (const each of elements(schema)) if (each.path === path) return each.element
}

/** Yields everything that can be deprecated, with its path and what stands beside it. */
function* elements(schema) {
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue
    const siblings = isEnumType(type) ? type.getValues() : Object.values(type.getFields?.() ?? {})
    for (const element of siblings) {
      const path = `${type.name}.${element.name}`
      yield { path, element, siblings }
      for (const argument of element.args ?? []) yield { path: `${path}.${argument.name}`, element: argument, siblings: element.args }
    }
  }
}

/** Returns the names of the types that something leads to which is not deprecated. */
function reachable(schema) {
  const seen = new Set()
  const look = (type) => {
    const named = type && getNamedType(type)
    if (!named || seen.has(named.name)) return
    seen.add(named.name)
    if (isAbstractType(named)) schema.getPossibleTypes(named).forEach(look)
    if (isObjectType(named) || isInterfaceType(named) || isInputObjectType(named)) {
      for (const field of Object.values(named.getFields())) {
        if (field.deprecationReason != null) continue
        for (const { type, deprecationReason } of [field, ...(field.args ?? [])]) if (deprecationReason == null) look(type)
      }
    }
  }
  for (const root of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) look(root)
  return seen
}

/** Returns the fields whose guard asks for more than in the released schema, a line each. */
function tightenedGuards(released, present) {
  return [...elements(released)].flatMap(({ path, element }) => {
    const now = find(present, path)
    return now && !isAsOpen(guard(element), guard(now)) ? [`The guard of '${path}' asks for more than it did`] : []
  })
}

/** Returns what @auth asks of callers of a field; undefined where it stands not. */
function guard({ astNode }) {
  const auth = astNode?.directives?.find(({ name }) => name.value === 'auth')
  const argument = (name) => auth?.arguments.find((each) => each.name.value === name)?.value
  const list = (name) => argument(name)?.values.map(({ value }) => value)
  return auth && { roles: list('roles'), schemes: list('schemes'), permissions: list('permissions') ?? [], fresh: argument('fresh')?.value === true }
}

/** Reports whether whoever passes one guard passes the other. */
function isAsOpen(was, is) {
  if (!is) return true
  if (!was) return false
  const takesAll = (before, after) => !after || (before?.every((name) => after.includes(name)) ?? false) // any of them will do
  return (
    takesAll(was.roles, is.roles) &&
    takesAll(was.schemes, is.schemes) &&
    is.permissions.every((name) => was.permissions.includes(name)) &&
    (was.fresh || !is.fresh)
  )
}

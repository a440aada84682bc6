// The operations that the playground opens on, in the order of the numbers in their names.
const files = import.meta.glob('./operations/*.graphql', {
  query: '?raw',
  import: 'default',
  eager: true,
})

export const examples = Object.keys(files)
  .sort()
  .map((name) => ({ query: files[name].trimEnd() }))

const headersOfEveryRequest = {
  'Content-Type': 'application/json',
  Accept: 'application/graphql-response+json, application/json',
}

/**
 * Sends one operation to /graphql with the page's cookies and returns the server's
 * answer. Throws the answer's status and text when it is not JSON, as from a proxy
 * that refuses, so that GraphiQL shows them.
 */
export async function fetcher({ query, variables, operationName }, { headers } = {}) {
  const response = await fetch('/graphql', {
    method: 'POST',
    credentials: 'same-origin',
    headers: { ...headersOfEveryRequest, ...headers },
    body: JSON.stringify({
      query,
      variables,
      operationName: isDefinedIn(query, operationName) ? operationName : undefined,
    }),
  })
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${response.status} ${response.statusText}: ${text}`)
  }
}

/**
 * Reports whether the document defines an operation of that name. For a tenth of a
 * second after a change of tab, GraphiQL still gives the other tab's name.
 */
function isDefinedIn(query, operationName) {
  return new RegExp(`(query|mutation|subscription)\\s+${operationName}\\b`).test(query)
}

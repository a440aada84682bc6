import { getOperationAST, parse } from 'graphql'
import { createClient } from 'graphql-sse'

const headersOfEveryRequest = {
  'Content-Type': 'application/json',
  Accept: 'application/graphql-response+json, application/json',
}

const brokenOff =
  'The stream broke off: the server stopped, events came faster than they were read, or the network failed. Run the subscription again.'

/**
 * Sends one operation to /graphql with the page's cookies and returns the server's
 * answer, which for a subscription is an observable of answers.
 */
export async function fetcher({ query, variables, operationName }, { headers } = {}) {
  const operation = operationOf(query, operationName)
  const request = { query, variables, operationName: operation?.name?.value }
  return operation?.operation === 'subscription' ? listen(request, headers) : ask(request, headers)
}

/**
 * Returns the operation of that name, or else the only one. For a tenth of a second
 * after a change of tab, GraphiQL still gives the other tab's name. Returns nothing where
 * there is no such operation: the server says what is wrong.
 */
function operationOf(query, name) {
  try {
    const document = parse(query)
    return getOperationAST(document, name) ?? getOperationAST(document)
  } catch {
    return undefined
  }
}

async function ask(request, headers) {
  const response = await fetch('/graphql', {
    method: 'POST',
    credentials: 'same-origin',
    headers: { ...headersOfEveryRequest, ...headers },
    body: JSON.stringify(request),
  })
  return answerOf(response)
}

/**
 * Returns the server's answer, or an error with the status and text of what is not JSON,
 * as from a proxy that refuses.
 */
async function answerOf(response) {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return errorAnswer(`${response.status} ${response.statusText}: ${text}`)
  }
}

function errorAnswer(message) {
  return { errors: [{ message }] }
}

/**
 * Runs a subscription by server-sent events. What ends it is its last answer; it is not
 * opened again, so that whoever looks at the page sees that it has ended.
 */
function listen(request, headers) {
  const client = createClient({
    url: '/graphql',
    credentials: 'same-origin',
    headers,
    retryAttempts: 0,
    fetchFn: fetchEvents,
  })
  return {
    subscribe({ next, error, complete }) {
      let open = false
      const unsubscribe = client.subscribe(
        request,
        {
          next,
          complete,
          error(fault) {
            if (fault.response) {
              answerOf(fault.response).then(next).then(complete, error)
              return
            }
            unsubscribe() // the client leaves a stream open that it cannot read
            next(errorAnswer(open ? brokenOff : `No answer came: ${fault.message}`))
            complete()
          },
        },
        { connected: () => (open = true) },
      )
      return { unsubscribe }
    },
  }
}

/**
 * Fetches events whose end is a failure. graphql-sse reads nothing behind `complete`, but
 * where a stream ends without it, right after an event, it waits for ever.
 */
async function fetchEvents(url, options) {
  const response = await fetch(url, options)
  if (!response.ok) return response
  const failAtEnd = new TransformStream({ flush: (controller) => controller.error(new Error('the stream ended')) })
  return { ok: true, body: response.body?.pipeThrough(failAtEnd) }
}

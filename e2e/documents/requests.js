// What a client sends, as the server reads it.
import { createHash } from 'node:crypto'

export const sha256 = (text) => createHash('sha256').update(text).digest('hex')

/** Returns a fetch that keeps, for each request, its method and its members. */
export function watch(requests) {
  return (url, options) => {
    const parameters = Object.fromEntries(new URL(url).searchParams)
    for (const name of ['variables', 'extensions']) if (parameters[name]) parameters[name] = JSON.parse(parameters[name])
    requests.push({ method: options.method, ...parameters, ...(options.body ? JSON.parse(options.body) : {}) })
    return fetch(url, options)
  }
}

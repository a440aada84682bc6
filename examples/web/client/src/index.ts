/**
 * What every front end of an authgraph server needs beside its GraphQL client. `createAuth` returns
 * an `Auth`, whose `fetch` any client can use; `refusalsOf` tells of any client's error why the
 * server refused. README.md shows both with fetch, urql and Apollo Client.
 */
export { type AccessTokenOptions, type Auth, type AuthOptions, type AuthState, createAuth, SessionChangedError } from './auth.js'
export { type ErrorCode, errorCodes, isRefusedWith, type Refusal, RefusedError, refusalsOf } from './errors.js'
export { memoryTokens, storedTokens, type TokenStore } from './tokens.js'

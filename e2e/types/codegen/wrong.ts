// Mistakes, each marked on its line. Nothing else in this folder fails to compile.
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core'
import { LogIn, Me, SignUp, Users } from './app'
import { ErrorCode } from './gql/graphql'

declare const me: ResultOf<typeof Me>
declare const login: ResultOf<typeof LogIn>

export const signUp: VariablesOf<typeof SignUp> = { input: { email: 'ada@example.com' } } // mistake: no password
export const typo: VariablesOf<typeof SignUp> = { input: { passwort: 'x', password: 'x' } } // mistake: no such input
export const order: VariablesOf<typeof Users> = { orderBy: { field: 'EMAL' } } // mistake: no such value
export const open = me.status?.signUpOpen // mistake: no such field
export const email = me.me?.email // mistake: the fragment keeps it for itself
export const perhaps: string = login.login!.session.expiresAt // mistake: it may be null
export const code = ErrorCode.Unauthorised // mistake: no such code

import { useRun } from '../api'
import { auth, useAuth } from '../auth'
import { Field, Form, typed } from '../form'
import { graphql } from '../gql'
import { Link, navigate, Screen, usePath } from '../router'

export const LogInMutation = graphql(`
  mutation LogIn($input: LoginInput!) {
    login(input: $input) {
      __typename
      ... on LoginSuccess {
        user {
          id
        }
      }
    }
  }
`)

export function LogIn() {
  const state = useAuth()
  const path = usePath()
  const run = useRun()

  const logIn = async (values: FormData) => {
    await auth.signIn(async () => {
      const { login } = await run(LogInMutation, {
        input: {
          identifier: typed(values, 'identifier'),
          password: typed(values, 'password'),
          rememberMe: values.has('rememberMe'),
        },
      })
      // The next version of the server may want a second factor first.
      if (login?.__typename !== 'LoginSuccess') throw new Error('This page knows no other next step.')
    })
    if (path === '/log-in') navigate('/account')
  }

  return (
    <Screen title="Log in">
      {state.status === 'signed-out' && state.reason === 'ended' && <p className="banner">Your session has ended.</p>}
      {state.status === 'signed-out' && state.reason === 'elsewhere' && <p className="banner">You logged out in another tab.</p>}
      <Form onSubmit={logIn} submit="Log in">
        <Field label="Email or user name" name="identifier" autoComplete="username" autoCapitalize="none" spellCheck={false} required />
        <Field label="Password" name="password" type="password" autoComplete="current-password" required />
        <label className="check">
          <input type="checkbox" name="rememberMe" /> Stay logged in on this device
        </label>
      </Form>
      <p>
        No account yet? <Link href="/sign-up">Sign up</Link>.
      </p>
    </Screen>
  )
}

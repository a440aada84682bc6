import { useRun } from '../api'
import { auth } from '../auth'
import { Field, Form, typed } from '../form'
import { graphql } from '../gql'
import { Link, navigate, Screen } from '../router'
import { LogInMutation } from './LogIn'

const SignUpMutation = graphql(`
  mutation SignUp($input: CreateUserInput!) {
    createUser(input: $input) {
      user {
        id
      }
    }
  }
`)

export function SignUp() {
  const run = useRun()

  const signUp = async (values: FormData) => {
    const optional = (name: string) => typed(values, name) || null
    const [email, password] = [typed(values, 'email'), typed(values, 'password')]
    await run(SignUpMutation, {
      input: { email, password, username: optional('username'), firstName: optional('firstName'), lastName: optional('lastName') },
    })
    await auth.signIn(async () => {
      await run(LogInMutation, { input: { identifier: email, password } })
    })
    navigate('/account')
  }

  return (
    <Screen title="Sign up">
      <Form onSubmit={signUp} submit="Sign up">
        <Field label="Email" name="email" type="email" autoComplete="email" required />
        <Field label="Password" name="password" type="password" autoComplete="new-password" hint="At least 8 characters; a few words are good." required />
        <Field label="User name (optional)" name="username" autoComplete="nickname" autoCapitalize="none" spellCheck={false} />
        <div className="columns">
          <Field label="First name (optional)" name="firstName" autoComplete="given-name" />
          <Field label="Last name (optional)" name="lastName" autoComplete="family-name" />
        </div>
      </Form>
      <p>
        Have an account? <Link href="/log-in">Log in</Link>.
      </p>
    </Screen>
  )
}

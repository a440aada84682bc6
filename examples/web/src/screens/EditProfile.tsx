import { useRun } from '../api'
import { Field, Form, typed } from '../form'
import { graphql } from '../gql'
import type { UpdateMeInput } from '../gql/graphql'
import { WithMe } from '../me'
import { useNotify } from '../notices'
import { Link, navigate, Screen } from '../router'

const UpdateMe = graphql(`
  mutation UpdateMe($input: UpdateMeInput!) {
    updateMe(input: $input) {
      user {
        ...Account
      }
    }
  }
`)

const inputs = ['email', 'username', 'firstName', 'lastName', 'locale'] as const

export function EditProfile() {
  const run = useRun()
  const notify = useNotify()
  return (
    <Screen title="Edit profile">
      <WithMe>
        {(me) => {
          const save = async (values: FormData) => {
            // Only what was changed: what is absent stays, and null removes. Another email or user
            // name needs a fresh session, the rest does not.
            const input: UpdateMeInput = {}
            for (const name of inputs) {
              const value = typed(values, name) || null
              if (value !== (me[name] ?? null)) input[name] = value
            }
            await run(UpdateMe, { input })
            notify('Your profile was saved.')
            navigate('/account')
          }
          return (
            <Form
              onSubmit={save}
              submit="Save"
              actions={
                <Link href="/account" className="button">
                  Cancel
                </Link>
              }
            >
              <Field label="Email" name="email" type="email" autoComplete="email" defaultValue={me.email ?? ''} />
              <Field label="User name" name="username" autoComplete="nickname" autoCapitalize="none" spellCheck={false} defaultValue={me.username ?? ''} />
              <div className="columns">
                <Field label="First name" name="firstName" autoComplete="given-name" defaultValue={me.firstName ?? ''} />
                <Field label="Last name" name="lastName" autoComplete="family-name" defaultValue={me.lastName ?? ''} />
              </div>
              <Field label="Language" name="locale" autoComplete="language" hint="A language tag, such as de-CH." defaultValue={me.locale ?? ''} />
            </Form>
          )
        }}
      </WithMe>
    </Screen>
  )
}

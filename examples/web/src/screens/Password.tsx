import { useRun } from '../api'
import { Field, Form, typed } from '../form'
import { graphql } from '../gql'
import { WithMe } from '../me'
import { useNotify } from '../notices'
import { Link, navigate, Screen } from '../router'

const ChangePassword = graphql(`
  mutation ChangePassword($input: ChangePasswordInput!) {
    changePassword(input: $input) {
      user {
        id
      }
    }
  }
`)

export function Password() {
  const run = useRun()
  const notify = useNotify()

  const change = async (values: FormData) => {
    await run(ChangePassword, {
      input: { currentPassword: typed(values, 'currentPassword'), newPassword: typed(values, 'newPassword') },
    })
    notify('Your password was changed.')
    navigate('/account')
  }

  return (
    <Screen title="Change password">
      <p>Your other devices are logged out with it, and your API tokens end.</p>
      <WithMe>
        {(me) => (
          <Form
            onSubmit={change}
            submit="Change password"
            actions={
              <Link href="/account" className="button">
                Cancel
              </Link>
            }
          >
            {/* For password managers, which keep a password by whose it is. */}
            <input hidden readOnly autoComplete="username" value={me.email ?? me.username ?? ''} />
            <Field label="Current password" name="currentPassword" type="password" autoComplete="current-password" required />
            <Field label="New password" name="newPassword" type="password" autoComplete="new-password" hint="At least 8 characters; a few words are good." required />
          </Form>
        )}
      </WithMe>
    </Screen>
  )
}

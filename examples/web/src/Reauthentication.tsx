// Asks for the password again when the server wants that, for whatever operation it was.
import { useEffect, useState } from 'react'
import { useRun } from './api'
import { auth } from './auth'
import { Dialog } from './Dialog'
import { Field, Form, typed } from './form'
import { graphql } from './gql'

const Reauthenticate = graphql(`
  mutation Reauthenticate($input: ReauthenticateInput!) {
    reauthenticate(input: $input) {
      session {
        id
        fresh
      }
    }
  }
`)

export function Reauthentication() {
  const run = useRun()
  const [answer, setAnswer] = useState<(done: boolean) => void>()

  useEffect(() => {
    let giveUp: ((done: boolean) => void) | undefined
    // The operations that were refused wait for this, and are sent again when it gives true.
    auth.askPassword = () =>
      new Promise<boolean>((resolve) => {
        giveUp = resolve
        setAnswer(() => resolve)
      }).finally(() => setAnswer(undefined))
    return () => {
      auth.askPassword = undefined
      giveUp?.(false)
    }
  }, [])

  if (!answer) return null
  return (
    <Dialog title="Is it still you?" onCancel={() => answer(false)}>
      <p>This changes who can get into your account, so your password is needed again.</p>
      <Form
        submit="Go on"
        onSubmit={async (values) => {
          await auth.stepUp(async () => {
            await run(Reauthenticate, { input: { password: typed(values, 'password') } })
          })
          answer(true)
        }}
        actions={
          <button type="button" onClick={() => answer(false)}>
            Cancel
          </button>
        }
      >
        <Field label="Password" name="password" type="password" autoComplete="current-password" required />
      </Form>
    </Dialog>
  )
}

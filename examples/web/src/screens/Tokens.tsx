import { useEffect, useRef, useState } from 'react'
import { useQuery } from 'urql'
import { useRun } from '../api'
import { Dialog } from '../Dialog'
import { Alert, Field, Form, typed } from '../form'
import { moment } from '../format'
import { graphql } from '../gql'
import { Loading } from '../me'
import { useNotify } from '../notices'
import { problemOf } from '../refusals'
import { focusHeading, Screen } from '../router'

const MyTokens = graphql(`
  query MyTokens {
    me {
      id
      permissions
      apiTokens {
        id
        name
        scopes
        createdAt
        expiresAt
        lastUsedAt
      }
    }
  }
`)

const CreateApiToken = graphql(`
  mutation CreateApiToken($input: CreateApiTokenInput!) {
    createApiToken(input: $input) {
      token
      apiToken {
        id
      }
    }
  }
`)

const RevokeApiToken = graphql(`
  mutation RevokeApiToken($input: RevokeApiTokenInput!) {
    revokeApiToken(input: $input) {
      apiToken {
        id
      }
    }
  }
`)

const day = 24 * 60 * 60_000

export function Tokens() {
  const [{ data, error }] = useQuery({ query: MyTokens, requestPolicy: 'cache-and-network' })
  const run = useRun()
  const notify = useNotify()
  const [created, setCreated] = useState<string>()
  const [forms, setForms] = useState(0) // an empty form after each token
  const [revoking, setRevoking] = useState<{ id: string; name: string }>()
  const me = data?.me

  const create = async (values: FormData) => {
    const days = Number(typed(values, 'expiresAt'))
    const { createApiToken } = await run(CreateApiToken, {
      input: {
        name: typed(values, 'name'),
        scopes: values.getAll('scopes').map(String),
        expiresAt: days > 0 ? new Date(Date.now() + days * day).toISOString() : null,
      },
    })
    setCreated(createApiToken!.token)
    setForms((count) => count + 1)
  }

  return (
    <Screen title="API tokens">
      <p>
        With a token a program acts for you, within its scopes, by the header <code>Authorization: Bearer</code>.
      </p>
      <Alert texts={error ? problemOf(error).general : []} />
      {created !== undefined && <Created token={created} onDone={() => setCreated(undefined)} />}
      {!me && !error && <Loading />}
      {me && (
        <>
          {me.apiTokens && me.apiTokens.length > 0 ? (
            <ul className="cards" aria-label="Your API tokens">
              {me.apiTokens.map(({ id, name, scopes, createdAt, expiresAt, lastUsedAt }) => (
                <li key={id}>
                  <div>
                    <h2>{name}</h2>
                    <p className="hint">
                      {scopes.join(', ') || 'No scopes: reads what is yours'}. Made {moment(createdAt)}, {expiresAt ? `ends ${moment(expiresAt)}` : 'never ends'},{' '}
                      {lastUsedAt ? `last used ${moment(lastUsedAt)}` : 'never used'}.
                    </p>
                  </div>
                  <button type="button" aria-label={`Revoke ${name}`} onClick={() => setRevoking({ id, name })}>
                    Revoke
                  </button>
                </li>
              ))}
            </ul>
          ) : (
            <p className="hint">There are none yet.</p>
          )}
          <section aria-labelledby="new-token">
            <h2 id="new-token">New token</h2>
            <Form key={forms} onSubmit={create} submit="Create token">
              <Field label="Name" name="name" hint="What you will know it by." autoComplete="off" required />
              <div className="field">
                <label htmlFor="lifetime">Ends</label>
                <select id="lifetime" name="expiresAt" defaultValue="30">
                  <option value="7">in a week</option>
                  <option value="30">in 30 days</option>
                  <option value="365">in a year</option>
                  <option value="0">never</option>
                </select>
              </div>
              {me.permissions && me.permissions.length > 0 && (
                <fieldset>
                  <legend>Scopes</legend>
                  {me.permissions.map((permission) => (
                    <label className="check" key={permission}>
                      <input type="checkbox" name="scopes" value={permission} /> <code>{permission}</code>
                    </label>
                  ))}
                </fieldset>
              )}
            </Form>
          </section>
        </>
      )}
      {revoking && (
        <Dialog title={`Revoke ${revoking.name}?`} onCancel={() => setRevoking(undefined)}>
          <p>Programs that use it are refused from then on.</p>
          <Form
            submit="Revoke"
            onSubmit={async () => {
              await run(RevokeApiToken, { input: { id: revoking.id } })
              setRevoking(undefined)
              notify(`${revoking.name} was revoked.`)
              focusHeading()
            }}
            actions={
              <button type="button" onClick={() => setRevoking(undefined)}>
                Cancel
              </button>
            }
          >
            {null}
          </Form>
        </Dialog>
      )}
    </Screen>
  )
}

/** The token itself, which the server does not show again. */
function Created({ token, onDone }: { token: string; onDone(): void }) {
  const input = useRef<HTMLInputElement>(null)
  const notify = useNotify()
  useEffect(() => {
    input.current?.focus()
    input.current?.select()
  }, [token])
  const copy = () =>
    navigator.clipboard.writeText(token).then(
      () => notify('The token was copied.'),
      () => input.current?.select(),
    )
  return (
    <section className="created" aria-labelledby="created">
      <h2 id="created">Your new token</h2>
      <p>Copy it now. It is not shown again.</p>
      <div className="copy">
        <input ref={input} readOnly value={token} aria-labelledby="created" />
        <button type="button" onClick={() => void copy()}>
          Copy
        </button>
        <button
          type="button"
          onClick={() => {
            onDone()
            focusHeading()
          }}
        >
          Done
        </button>
      </div>
    </section>
  )
}

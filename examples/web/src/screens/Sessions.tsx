import { useState } from 'react'
import { useQuery } from 'urql'
import { useRun } from '../api'
import { auth } from '../auth'
import { Alert } from '../form'
import { moment } from '../format'
import { graphql } from '../gql'
import { Loading } from '../me'
import { useNotify } from '../notices'
import { problemOf } from '../refusals'
import { focusHeading, Screen } from '../router'

const MySessions = graphql(`
  query MySessions {
    me {
      id
      sessions {
        id
        createdAt
        lastSeenAt
        expiresAt
        current
        address
        device {
          name
          kind
        }
      }
    }
  }
`)

const RevokeSession = graphql(`
  mutation RevokeSession($input: RevokeSessionInput!) {
    revokeSession(input: $input) {
      session {
        id
      }
    }
  }
`)

const RevokeOtherSessions = graphql(`
  mutation RevokeOtherSessions {
    revokeOtherSessions {
      count
    }
  }
`)

export function Sessions() {
  const [{ data, error }] = useQuery({ query: MySessions, requestPolicy: 'cache-and-network' })
  const run = useRun()
  const notify = useNotify()
  const [problems, setProblems] = useState<string[]>([])
  const sessions = data?.me?.sessions

  /** Ends sessions, and tells how that went. */
  const end = async (ending: Promise<string>) => {
    try {
      notify(await ending)
      setProblems([])
      focusHeading() // the button is gone
    } catch (error) {
      setProblems(problemOf(error).general)
    }
  }
  const endOthers = async () => {
    const { revokeOtherSessions } = await run(RevokeOtherSessions, {})
    const count = revokeOtherSessions?.count ?? 0
    return count === 1 ? 'One other device was logged out.' : `${count} other devices were logged out.`
  }
  const endOne = async (id: string, name: string) => {
    await run(RevokeSession, { input: { id } })
    return `${name} was logged out.`
  }
  const endThis = () => auth.signOut(() => run(RevokeSession, { input: { id: sessions!.find(({ current }) => current)!.id } }))

  return (
    <Screen title="Sessions">
      <p>Every browser and program that is logged in to your account.</p>
      <Alert texts={error ? problemOf(error).general : problems} />
      {!sessions && !error && <Loading />}
      {sessions && (
        <>
          <ul className="cards">
            {sessions.map(({ id, device, current, address, createdAt, lastSeenAt }) => (
              <li key={id}>
                <div>
                  <h2>
                    {device.name} {current && <span className="badge">This device</span>}
                  </h2>
                  <p className="hint">
                    Since {moment(createdAt)}, last used {moment(lastSeenAt)}
                    {address && `, from ${address}`}
                  </p>
                </div>
                {current ? (
                  <button type="button" onClick={() => void endThis().catch((error: unknown) => setProblems(problemOf(error).general))}>
                    Log out this device
                  </button>
                ) : (
                  <button type="button" aria-label={`Log out ${device.name}, used since ${moment(createdAt)}`} onClick={() => void end(endOne(id, device.name))}>
                    Log out
                  </button>
                )}
              </li>
            ))}
          </ul>
          {sessions.length > 1 && (
            <p className="actions">
              <button type="button" className="danger" onClick={() => void end(endOthers())}>
                Log out all other devices
              </button>
            </p>
          )}
        </>
      )}
    </Screen>
  )
}

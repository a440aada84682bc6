// Who is signed in decides which client the screens get; the path, which screen is shown.
import { type ReactNode, useEffect, useState } from 'react'
import { Provider, useQuery } from 'urql'
import { type Api, createApi } from './api'
import { auth, useAuth } from './auth'
import { Expiry } from './Expiry'
import { Alert } from './form'
import { graphql } from './gql'
import { Header } from './Header'
import { Live } from './Live'
import { Notices } from './notices'
import { Reauthentication } from './Reauthentication'
import { navigate, Screen, usePath } from './router'
import { Account } from './screens/Account'
import { EditProfile } from './screens/EditProfile'
import { LogIn } from './screens/LogIn'
import { Password } from './screens/Password'
import { Sessions } from './screens/Sessions'
import { SignUp } from './screens/SignUp'
import { Tokens } from './screens/Tokens'
import { Users } from './screens/Users'

/** The screens for whoever is signed in. */
const screens: Record<string, () => ReactNode> = {
  '/account': Account,
  '/account/edit': EditProfile,
  '/account/password': Password,
  '/sessions': Sessions,
  '/tokens': Tokens,
  '/users': Users,
}

/** What every screen builds on: whose session it is. */
const Viewer = graphql(`
  query Viewer {
    me {
      ...Account
    }
    status {
      signupOpen
    }
  }
`)

export function App() {
  const state = useAuth()
  const session = state.status === 'signed-in' ? state.sessionId : state.status
  const [api, setApi] = useState<{ of: string } & Api>()

  // A client for each session, and none before it is known whether there is one.
  useEffect(() => {
    if (session === 'unknown') return
    const created = createApi()
    setApi({ of: session, ...created })
    return () => created.close()
  }, [session])

  useStart()
  if (state.status === 'unknown') return <Starting />
  if (api?.of !== session) return null
  return (
    <Provider value={api.client} key={session}>
      <Notices>
        <Page />
      </Notices>
    </Provider>
  )
}

/** Learns whether there is a session, and again whenever the page comes back to the front. */
function useStart() {
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === 'visible') auth.check().catch(() => {})
    }
    look()
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
}

/** What is shown until the server has answered once. */
function Starting() {
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    auth.check().catch(() => setFailed(true))
  }, [])
  if (!failed) return null
  return (
    <main>
      <Screen title="No connection">
        <Alert texts={['The server cannot be reached.']} />
        <button type="button" onClick={() => window.location.reload()}>
          Try again
        </button>
      </Screen>
    </main>
  )
}

function Page() {
  const state = useAuth()
  const path = usePath()
  const signedIn = state.status === 'signed-in'
  const [{ data }] = useQuery({ query: Viewer })

  useEffect(() => {
    if (path === '/') navigate(signedIn ? '/account' : '/log-in', { replace: true })
  }, [path, signedIn])

  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Header viewer={data?.me} signupOpen={data?.status?.signupOpen ?? false} />
      {signedIn && <Expiry expiresAt={state.expiresAt} />}
      {signedIn && <Live />}
      {signedIn && <Reauthentication />}
      <main id="main" tabIndex={-1}>
        <Content key={path} path={path} signedIn={signedIn} />
      </main>
    </>
  )
}

function Content({ path, signedIn }: { path: string; signedIn: boolean }) {
  if (path === '/') return null
  if (path === '/sign-up') return <SignUp />
  if (path === '/log-in') return <LogIn />
  const Wanted = screens[path]
  if (!Wanted) {
    return (
      <Screen title="No such page">
        <p>There is nothing at this address.</p>
      </Screen>
    )
  }
  // Whoever logs in there is then where they wanted to go.
  return signedIn ? <Wanted /> : <LogIn />
}

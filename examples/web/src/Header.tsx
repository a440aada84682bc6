import { useRun } from './api'
import { auth } from './auth'
import { problemOf } from './refusals'
import { nameOf } from './format'
import { graphql } from './gql'
import type { ViewerQuery } from './gql/graphql'
import { useNotify } from './notices'
import { Link, navigate } from './router'

const LogOut = graphql(`
  mutation LogOut {
    logout {
      loggedOut
    }
  }
`)

interface HeaderProps {
  viewer: ViewerQuery['me']
  signupOpen: boolean
}

export function Header({ viewer, signupOpen }: HeaderProps) {
  const run = useRun()
  const notify = useNotify()
  const logOut = async () => {
    try {
      await auth.signOut(() => run(LogOut, {}))
      navigate('/log-in')
    } catch (error) {
      notify(`You are still logged in. ${problemOf(error).general.join(' ')}`)
    }
  }
  return (
    <header>
      <Link href="/" className="brand" aria-current={undefined}>
        <img src="/favicon.svg" alt="" width="28" height="28" />
        Example
      </Link>
      <nav aria-label="Main">
        {viewer ? (
          <>
            <Link href="/account">Account</Link>
            <Link href="/sessions">Sessions</Link>
            <Link href="/tokens">API tokens</Link>
            {viewer.permissions?.includes('users:read') && <Link href="/users">Users</Link>}
          </>
        ) : (
          <>
            <Link href="/log-in">Log in</Link>
            {signupOpen && <Link href="/sign-up">Sign up</Link>}
          </>
        )}
      </nav>
      {viewer && (
        <div className="who">
          <span>{nameOf(viewer)}</span>
          <button type="button" onClick={() => void logOut()}>
            Log out
          </button>
        </div>
      )}
    </header>
  )
}

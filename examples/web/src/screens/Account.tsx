import { moment, nameOf } from '../format'
import { WithMe } from '../me'
import { Link, Screen } from '../router'

export function Account() {
  return (
    <Screen title="Account">
      <WithMe>
        {(me) => (
          <>
            <p className="lead">Hello, {nameOf(me)}.</p>
            <dl>
              <dt>Email</dt>
              <dd>{me.email ?? '–'}</dd>
              <dt>User name</dt>
              <dd>{me.username ?? '–'}</dd>
              <dt>Name</dt>
              <dd>{[me.firstName, me.lastName].filter(Boolean).join(' ') || '–'}</dd>
              <dt>Language</dt>
              <dd>{me.locale ?? '–'}</dd>
              <dt>Roles</dt>
              <dd>{me.roles?.map((role) => role.name).join(', ') || '–'}</dd>
              <dt>Member since</dt>
              <dd>{moment(me.createdAt)}</dd>
              <dt>Log-in before this one</dt>
              <dd>{me.lastLoginAt ? moment(me.lastLoginAt) : '–'}</dd>
            </dl>
            <p className="actions">
              <Link href="/account/edit" className="button">
                Edit profile
              </Link>
              <Link href="/account/password" className="button">
                Change password
              </Link>
            </p>
          </>
        )}
      </WithMe>
    </Screen>
  )
}

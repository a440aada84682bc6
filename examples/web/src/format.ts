// Times and names as people read them.

const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })

export function moment(at: string): string {
  return dateAndTime.format(new Date(at))
}

export function time(at: string): string {
  return timeOnly.format(new Date(at))
}

interface Named {
  firstName?: string | null
  lastName?: string | null
  username?: string | null
  email?: string | null
}

/** A user's full name or, where there is none, what they sign in with. */
export function nameOf({ firstName, lastName, username, email }: Named): string {
  return [firstName, lastName].filter(Boolean).join(' ') || username || email || 'Nameless'
}

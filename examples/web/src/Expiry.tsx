// Says in good time that the session will end by itself.
import { useEffect, useState } from 'react'
import { auth } from './auth'
import { time } from './format'
import { Link } from './router'

const ahead = 5 * 60_000
const longestTimer = 2 ** 31 - 1 // ms; a longer one would fire at once

export function Expiry({ expiresAt }: { expiresAt: string | null }) {
  const [now, setNow] = useState(Date.now)
  const end = expiresAt === null ? Infinity : Date.parse(expiresAt)
  useEffect(() => {
    if (end === Infinity) return
    // At the end the server is asked, whose clock may be a little behind.
    const wait = now < end - ahead ? end - ahead - now : Math.max(end - now, 1_000)
    const timer = setTimeout(() => {
      if (Date.now() >= end) auth.check().catch(() => {})
      setNow(Date.now())
    }, Math.min(wait, longestTimer))
    return () => clearTimeout(timer)
  }, [now, end])
  return (
    <div role="status">
      {now >= end - ahead && now < end && (
        <p className="banner">
          Your session ends at {time(expiresAt!)}. <Link href="/log-in">Log in again</Link> to go on working.
        </p>
      )}
    </div>
  )
}

// A fetch that keeps cookies and tells where it is from, as one in a page does.

/** Returns a fetch for pages of an origin; its jar holds what the browser would. */
export function pageFetch(origin, send = fetch) {
  const jar = new Map()
  const fetchAsPage = async (url, options) => {
    const request = new Request(url, options)
    request.headers.set('Origin', origin)
    request.headers.set('Sec-Fetch-Site', 'same-origin')
    if (jar.size > 0) request.headers.set('Cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await send(request)
    for (const cookie of response.headers.getSetCookie()) {
      const [pair, ...attributes] = cookie.split('; ')
      const equals = pair.indexOf('=')
      const name = pair.slice(0, equals)
      if (attributes.includes('Max-Age=0')) jar.delete(name)
      else jar.set(name, pair.slice(equals + 1))
    }
    return response
  }
  return Object.assign(fetchAsPage, { jar })
}

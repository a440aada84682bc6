package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress returns the address that a request comes from: that of the peer or, if the peer
// is a trusted proxy, the last one in X-Forwarded-For that is none. What a stranger writes into
// the header stands further left and never counts.
func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap()
	if len(proxies) == 0 {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !trusted(address, proxies) {
			return address
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if withPort, portErr := netip.ParseAddrPort(strings.TrimSpace(hop)); portErr == nil {
			next, err = withPort.Addr(), nil
		}
		if err != nil {
			return address // what a proxy could not tell
		}
		address = next.Unmap().WithZone("")
	}
	return address
}

func trusted(address netip.Addr, proxies []netip.Prefix) bool {
	return slices.ContainsFunc(proxies, func(proxy netip.Prefix) bool { return proxy.Contains(address) })
}

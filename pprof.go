package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"
)

// This file serves the profiles of the running program (net/http/pprof), where the operator wants
// them. The rules:
//
//   - They hold what is in memory: tokens, and passwords that are being verified. So they have a
//     listener of their own, which only this machine reaches.
//   - A page in a browser on this machine does not reach it by a name that its owner has
//     made to point here: the Host must be the address itself.

// checkPprof refuses an address that others could reach.
func (s *Settings) checkPprof() error {
	if s.Pprof == "" {
		return nil
	}
	address, err := netip.ParseAddrPort(s.Pprof)
	if err != nil || !address.Addr().IsLoopback() {
		return errors.New("AUTHGRAPH_PPROF: want a loopback address and a port, such as 127.0.0.1:6060")
	}
	return nil
}

// serveProfiles serves the profiles until ctx is done. It returns where; the empty string where
// they are off.
func serveProfiles(ctx context.Context, settings *Settings, log *slog.Logger) (url string, err error) {
	if settings.Pprof == "" {
		return "", nil
	}
	listener, err := net.Listen("tcp", settings.Pprof)
	if err != nil {
		return "", fmt.Errorf("AUTHGRAPH_PPROF: failed to listen: %w", err)
	}
	host := listener.Addr().String()
	server := &http.Server{
		Handler:           onlyHost(host, profiles()),
		ReadHeaderTimeout: 5 * time.Second, // and none to write: a profile takes as long as it is asked to
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }() // it ends when it is closed
	return "http://" + host + "/debug/pprof/", nil
}

// profiles is every path of the profiles.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// onlyHost refuses requests that name another host, and those that a page of a browser on this
// machine makes: it could not read a profile, but start one.
func onlyHost(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			plain(w, http.StatusMisdirectedRequest, "ask for it as "+host)
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); r.Header.Get("Origin") != "" || site != "" && site != "none" && site != "same-origin" {
			plain(w, http.StatusForbidden, "pages may not ask for it")
			return
		}
		next.ServeHTTP(w, r)
	})
}

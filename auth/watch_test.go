package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/store/storetest"
)

// patience is how long tests wait for what should happen: machines are slow at times.
const patience = 20 * time.Second

// signIn makes a user and returns them in a session.
func signIn(t *testing.T, s *auth.Service, username string) *auth.Viewer {
	t.Helper()
	if _, err := s.CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Username: username, Password: password}); err != nil {
		t.Fatal(err)
	}
	signedIn, err := s.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: username, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return signedIn.Viewer
}

func isCode(err error, code auth.Code) bool {
	refusal, ok := errors.AsType[*auth.Error](err)
	return ok && refusal.Code == code
}

func TestNobodyListensUnderACredentialThatHasEnded(t *testing.T) {
	t.Parallel()
	s := newService(t, storetest.Open(t))
	v := signIn(t, s, "ada")
	ended := make(chan error, 1)
	ctx, watch, err := s.Watch(t.Context(), v, func(reason error) { ended <- reason })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Logout(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if reason := <-ended; !isCode(reason, auth.Unauthenticated) {
		t.Errorf("the watch ends with %v", reason)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := watch.Listen(ctx, false); !isCode(err, auth.Unauthenticated) {
		t.Errorf("whoever listens then is told %v", err)
	}
}

func TestWhoeverLosesThePermissionIsNotToldWhatWaits(t *testing.T) {
	t.Parallel()
	s := newService(t, storetest.Open(t), func(o *auth.Options) { o.Permissions = append(o.Permissions, auth.AuditRead) })
	v := signIn(t, s, "ada")
	name, may := "auditor", []string{auth.AuditRead}
	if _, err := s.CreateRole(t.Context(), s.Operator(), auth.RoleChanges{Name: &name, Permissions: may}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GrantRole(t.Context(), s.Operator(), v.ID(), name); err != nil {
		t.Fatal(err)
	}
	v.Permissions = may
	ctx, watch, err := s.Watch(t.Context(), v, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := watch.Listen(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, username := range []string{"eve", "grace", "joan"} {
		signIn(t, s, username)
	}
	for deadline := time.Now().Add(patience); len(stream.Events()) < 6; time.Sleep(time.Millisecond) { // each signed up, and in
		if time.Now().After(deadline) {
			t.Fatalf("%d events wait", len(stream.Events()))
		}
	}
	if _, err := s.RevokeRole(t.Context(), s.Operator(), v.ID(), name); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); stream.Err() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the stream goes on")
		}
	}
	for event := range stream.Events() {
		t.Errorf("of %s they are told still", event.Kind)
	}
	if err := stream.Err(); !isCode(err, auth.Forbidden) {
		t.Errorf("the stream ends with %v", err)
	}
}

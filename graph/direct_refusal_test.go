package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/authgraph/authgraph/model"
)

// stubs resolve me and its session, and the roles of users in a way of their own.
type stubs struct {
	*Resolver
	roles func(ctx context.Context) ([][]*model.Role, error)
}

type stubQuery struct{ QueryResolver }

type stubSession struct{ SessionResolver }

type stubUser struct {
	UserResolver
	stubs
}

func (stubs) Query() QueryResolver     { return stubQuery{} }
func (stubs) Session() SessionResolver { return stubSession{} }
func (s stubs) User() UserResolver     { return stubUser{stubs: s} }

func (stubQuery) Me(context.Context) (*model.User, error) { return &model.User{ID: "usr_1"}, nil }

func (stubQuery) Session(context.Context) (*model.Session, error) {
	return &model.Session{ID: "ses_1"}, nil
}

func (stubSession) User(context.Context, []*model.Session) ([]*model.User, error) {
	return []*model.User{{ID: "usr_1"}}, nil
}

func (stubUser) Can(_ context.Context, users []*model.User, _ string) ([]*bool, error) {
	return make([]*bool, len(users)), nil
}

func (u stubUser) Roles(ctx context.Context, _ []*model.User) ([][]*model.Role, error) {
	return u.roles(ctx)
}

// askStubs returns the answer to a query.
func askStubs(t *testing.T, resolvers stubs, query string) *graphql.Response {
	t.Helper()
	schema := NewExecutableSchema(Config{
		Schema:    Schema(),
		Resolvers: resolvers,
		Directives: DirectiveRoot{Auth: func(ctx context.Context, _ any, next graphql.Resolver, _, _ []string, _ []AuthScheme, _ bool) (any, error) {
			return next(ctx)
		}},
	})
	e := executor.New(lean{schema.(*executableSchema)})
	e.SetRecoverFunc(func(_ context.Context, reason any) error { return fmt.Errorf("%v", reason) })
	e.AroundFields(writeDirectly)
	ctx := graphql.StartOperationTrace(t.Context())
	operation, errs := e.CreateOperationContext(ctx, &graphql.RawParams{Query: query})
	if errs != nil {
		t.Fatal(errs)
	}
	next, ctx := e.DispatchOperation(ctx, operation)
	return next(ctx)
}

// TestWhatIsRefusedIsGqlgensToTell has the roles that are asked with me fail in each way in which a
// resolver can, and be missing.
func TestWhatIsRefusedIsGqlgensToTell(t *testing.T) {
	t.Parallel()
	const ask, askMore = `{ me { roles { id } } }`, `{ me { can(permission: "users:read") roles { id } } }`
	admin := []*model.Role{{ID: "rol_1"}}
	for name, test := range map[string]struct {
		query  string
		values [][]*model.Role
		err    error
		fault  func(ctx context.Context)
		want   string
		told   string
	}{
		"all":               {ask, [][]*model.Role{admin}, nil, nil, `{"me":{"roles":[{"id":"rol_1"}]}}`, ""},
		"no refusal":        {ask, [][]*model.Role{admin}, graphql.BatchErrorList{nil}, nil, `{"me":{"roles":[{"id":"rol_1"}]}}`, ""},
		"none":              {ask, [][]*model.Role{{}}, nil, nil, `{"me":{"roles":[]}}`, ""},
		"missing":           {ask, [][]*model.Role{nil}, nil, nil, `{"me":{"roles":null}}`, ""},
		"missing by itself": {askMore, [][]*model.Role{nil}, nil, nil, `{"me":{"can":null,"roles":null}}`, ""},
		"an outage":         {ask, nil, errors.New("an outage"), nil, `{"me":{"roles":null}}`, "an outage"},
		"a refusal":         {ask, [][]*model.Role{nil}, graphql.BatchErrorList{errors.New("a refusal")}, nil, `{"me":{"roles":null}}`, "a refusal"},
		"an error aside": {ask, [][]*model.Role{admin}, nil, func(ctx context.Context) { graphql.AddError(ctx, errors.New("aside")) },
			`{"me":{"roles":[{"id":"rol_1"}]}}`, "aside"},
		"a role of nobody": {ask, [][]*model.Role{{nil}}, nil, nil, `{"me":{"roles":null}}`, "does not allow"},
		"no word of each":  {ask, [][]*model.Role{admin}, graphql.BatchErrorList{}, nil, `{"me":{"roles":null}}`, "returned 0 errors"},
		"a panic":          {ask, nil, nil, func(context.Context) { panic("a panic") }, `{"me":{"roles":null}}`, "a panic"},
		"too few answers":  {ask, nil, nil, nil, `{"me":{"roles":null}}`, "returned 0 results"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := askStubs(t, stubs{roles: func(ctx context.Context) ([][]*model.Role, error) {
				if test.fault != nil {
					test.fault(ctx)
				}
				return test.values, test.err
			}}, test.query)
			if got := string(answer.Data); got != test.want {
				t.Errorf("the answer is %s", got)
			}
			if got := answer.Errors.Error(); test.told == "" && len(answer.Errors) > 0 || test.told != "" && (len(answer.Errors) != 1 || !strings.Contains(got, test.told)) {
				t.Errorf("the errors are %s", got)
			}
		})
	}
}

func TestWhatIsAsideOfAnAnswerIsKept(t *testing.T) {
	t.Parallel()
	answer := askStubs(t, stubs{roles: func(ctx context.Context) ([][]*model.Role, error) {
		graphql.RegisterExtension(ctx, "cost", 7)
		return [][]*model.Role{{}}, nil
	}}, `{ me { roles { id } } }`)
	if answer.Extensions["cost"] != 7 {
		t.Errorf("the extensions are %v", answer.Extensions)
	}
}

// TestWhatFailsIsReadOnceMore and not again at each level of what is asked.
func TestWhatFailsIsReadOnceMore(t *testing.T) {
	t.Parallel()
	reads := 0
	answer := askStubs(t, stubs{roles: func(context.Context) ([][]*model.Role, error) {
		reads++
		return nil, errors.New("an outage")
	}}, `{ session { user { roles { id } } } }`)
	if len(answer.Errors) != 1 || answer.Errors[0].Path.String() != "session.user.roles" || reads != 2 {
		t.Errorf("the errors are %v after %d reads", answer.Errors, reads)
	}
}

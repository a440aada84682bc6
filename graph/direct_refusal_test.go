package graph

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/authgraph/authgraph/model"
)

// stubs resolve me, and the roles of users in a way of their own.
type stubs struct {
	*Resolver
	query stubQuery
	user  stubUser
}

type stubQuery struct{ QueryResolver }

type stubUser struct {
	UserResolver
	roles func(ctx context.Context) ([][]*model.Role, error)
}

func (s stubs) Query() QueryResolver { return s.query }
func (s stubs) User() UserResolver   { return s.user }

func (stubQuery) Me(context.Context) (*model.User, error) { return &model.User{ID: "usr_1"}, nil }

func (u stubUser) Roles(ctx context.Context, _ []*model.User) ([][]*model.Role, error) {
	return u.roles(ctx)
}

// TestWhatIsRefusedIsGqlgensToTell has the roles that are asked with me fail in each way in which a
// resolver can, and be missing.
func TestWhatIsRefusedIsGqlgensToTell(t *testing.T) {
	t.Parallel()
	admin := []*model.Role{{ID: "rol_1"}}
	for name, test := range map[string]struct {
		values [][]*model.Role
		err    error
		added  error
		want   string
		code   string
	}{
		"all":              {[][]*model.Role{admin}, nil, nil, `{"me":{"roles":[{"id":"rol_1"}]}}`, ""},
		"no refusal":       {[][]*model.Role{admin}, graphql.BatchErrorList{nil}, nil, `{"me":{"roles":[{"id":"rol_1"}]}}`, ""},
		"none":             {[][]*model.Role{{}}, nil, nil, `{"me":{"roles":[]}}`, ""},
		"missing":          {[][]*model.Role{nil}, nil, nil, `{"me":{"roles":null}}`, ""},
		"an outage":        {nil, errors.New("an outage"), nil, `{"me":{"roles":null}}`, "an outage"},
		"a refusal":        {[][]*model.Role{nil}, graphql.BatchErrorList{errors.New("a refusal")}, nil, `{"me":{"roles":null}}`, "a refusal"},
		"an error aside":   {[][]*model.Role{admin}, nil, errors.New("aside"), `{"me":{"roles":[{"id":"rol_1"}]}}`, "aside"},
		"a role of nobody": {[][]*model.Role{{nil}}, nil, nil, `{"me":{"roles":null}}`, "does not allow"},
		"too few answers":  {nil, nil, nil, `{"me":{"roles":null}}`, "returned 0 results"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := func(ctx context.Context) ([][]*model.Role, error) {
				if test.added != nil {
					graphql.AddError(ctx, test.added)
				}
				return test.values, test.err
			}
			schema := NewExecutableSchema(Config{
				Schema:    Schema(),
				Resolvers: stubs{user: stubUser{roles: roles}},
				Directives: DirectiveRoot{Auth: func(ctx context.Context, _ any, next graphql.Resolver, _, _ []string, _ []AuthScheme, _ bool) (any, error) {
					return next(ctx)
				}},
			}).(*executableSchema)
			e := executor.New(lean{schema})
			e.AroundFields(direct{schema}.aroundField)
			ctx := graphql.StartOperationTrace(t.Context())
			operation, errs := e.CreateOperationContext(ctx, &graphql.RawParams{Query: `{ me { roles { id } } }`})
			if errs != nil {
				t.Fatal(errs)
			}
			next, ctx := e.DispatchOperation(ctx, operation)
			answer := next(ctx)
			if got := string(answer.Data); got != test.want {
				t.Errorf("the answer is %s", got)
			}
			if got := answer.Errors.Error(); test.code == "" && len(answer.Errors) > 0 || test.code != "" && (len(answer.Errors) != 1 || !strings.Contains(got, test.code)) {
				t.Errorf("the errors are %s", got)
			}
		})
	}
}

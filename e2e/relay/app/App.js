// What the components of a Relay application ask for. relay-compiler reads these documents and the
// suite runs what it compiles; nobody imports this file.

/* global graphql */

// One object, fetched again by its id through Query.node.
graphql`
  query AppMeQuery {
    me {
      id
      ...App_profile
      ...App_events @arguments(count: 2)
    }
    session {
      id
      ...App_session
    }
  }
`
graphql`
  fragment App_profile on User @refetchable(queryName: "AppProfileRefetchQuery") {
    username
    firstName
    roles {
      name
    }
    createdAt
  }
`
graphql`
  fragment App_session on Session @refetchable(queryName: "AppSessionRefetchQuery") {
    current
    fresh
    device {
      name
      kind
    }
  }
`

// A connection of the query itself, read forwards and backwards.
graphql`
  query AppUsersQuery($first: Int, $after: String, $last: Int, $before: String) {
    ...App_users @arguments(first: $first, after: $after, last: $last, before: $before)
  }
`
graphql`
  fragment App_users on Query
  @argumentDefinitions(first: { type: "Int" }, after: { type: "String" }, last: { type: "Int" }, before: { type: "String" })
  @refetchable(queryName: "AppUsersPaginationQuery") {
    users(first: $first, after: $after, last: $last, before: $before, orderBy: { field: USERNAME }, filter: { search: "user" })
      @connection(key: "App__users") {
      edges {
        node {
          id
          username
        }
      }
    }
  }
`

// A connection of an object, whose further pages come through Query.node.
graphql`
  fragment App_events on User
  @argumentDefinitions(count: { type: "Int" }, cursor: { type: "String" })
  @refetchable(queryName: "AppEventsPaginationQuery") {
    securityEvents(first: $count, after: $cursor) @connection(key: "App__securityEvents") {
      edges {
        node {
          id
          kind
          at
        }
      }
    }
  }
`

// Mutations, whose payloads bring the store up to date.
graphql`
  mutation AppLogInMutation($input: LoginInput!) {
    login(input: $input) {
      __typename
      ... on LoginSuccess {
        token
        user {
          id
        }
      }
    }
  }
`
graphql`
  mutation AppUpdateMeMutation($input: UpdateMeInput!) {
    updateMe(input: $input) {
      user {
        ...App_profile
      }
    }
  }
`
graphql`
  mutation AppDeleteUserMutation($input: DeleteUserInput!, $connections: [ID!]!) {
    deleteUser(input: $input) {
      deletedUserId @deleteEdge(connections: $connections)
    }
  }
`

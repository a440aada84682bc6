import { graphql } from './gql'

export const Wrong = graphql(`
  query Wrong {
    me {
      passwordHash
    }
  }
`)

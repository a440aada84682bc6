// What a test drives of the mobile recipe.
export { kept } from './expo-secure-store'
export * from './mobile/session'

// Stands in for the package of that name, which needs a telephone: the part of it that the recipe
// uses, over an object in memory.
export const WHEN_UNLOCKED_THIS_DEVICE_ONLY = 5

export const kept = new Map<string, string>()

export async function getItemAsync(key: string): Promise<string | null> {
  return kept.get(key) ?? null
}

export async function setItemAsync(key: string, value: string, _options: { keychainAccessible: number }): Promise<void> {
  kept.set(key, value)
}

export async function deleteItemAsync(key: string): Promise<void> {
  kept.delete(key)
}

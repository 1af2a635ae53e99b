export async function runSmoke(): Promise<number> {
  return 0;
}

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>Memory as a test lays it out, in place of the nucleus's walk of the page tables. Each test thread has its own.</summary>
internal static class ProbeMemory
{
    [ThreadStatic]
    private static List<(ulong Start, byte[] Bytes)>? s_regions;

    public static void Reset() => s_regions = [];

    public static void Map(ulong start, byte[] bytes) => (s_regions ??= []).Add((start, bytes));

    public static bool TryRead64(ulong address, out ulong value)
    {
        Assert.Equal(0ul, address & 7);
        foreach ((ulong start, byte[] bytes) in s_regions ?? [])
        {
            if (address >= (start & ~7ul) && address < start + (ulong)bytes.Length)
            {
                value = 0;
                for (int i = 0; i < 8; i++)
                {
                    ulong index = address + (ulong)i - start;
                    if (index < (ulong)bytes.Length)
                    {
                        value |= (ulong)bytes[index] << (8 * i);
                    }
                }

                return true;
            }
        }

        value = 0;
        return false;
    }
}

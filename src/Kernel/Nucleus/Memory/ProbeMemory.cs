namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>Reads memory that may not be mapped, for reports about damaged stacks.</summary>
internal static unsafe class ProbeMemory
{
    /// <summary>Reads eight bytes. Returns false if one of their pages is not present. Never faults.</summary>
    public static bool TryRead64(ulong address, out ulong value)
    {
        if (address > ulong.MaxValue - 8 || !PageTable.IsReadable(address) || !PageTable.IsReadable(address + 7))
        {
            value = 0;
            return false;
        }

        value = *(ulong*)address;
        return true;
    }
}

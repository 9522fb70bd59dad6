using System.Buffers.Binary;

namespace Xenlet.Bench;

/// <summary>What Xen's trace says of hardware-assisted guests, which here is the one guest beside dom0.</summary>
/// <param name="Exits">How often it left for Xen, for whatever reason: each hypercall, each interrupt, each halt.</param>
/// <param name="Hypercalls">How many hypercalls it issued.</param>
internal sealed record TraceCounts(long Exits, long Hypercalls)
{
    /// <summary>
    /// Classes of events to record: those of entering and leaving a guest (TRC_HVM_ENTRYEXIT) and of what Xen does for it
    /// (TRC_HVM_HANDLER).
    /// </summary>
    public const uint EventMask = 0x83000;

    // Xen's public trace.h.
    private const uint TRC_LOST_RECORDS = 0x1f001;
    private const uint TRC_HVM_VMEXIT = 0x81002;
    private const uint TRC_HVM_VMEXIT64 = 0x81102;
    private const uint TRC_HVM_VMMCALL = 0x82012;

    /// <summary>Counts the records of a file that xentrace wrote.</summary>
    /// <exception cref="BenchException">The file is no such file, or Xen's buffer was too small.</exception>
    public static TraceCounts Read(ReadOnlySpan<byte> trace)
    {
        long exits = 0;
        long hypercalls = 0;
        while (trace.Length >= sizeof(uint))
        {
            // struct t_rec: 28 bits of event, 3 of the number of 32-bit words behind, 1 that says whether a 64-bit time stamp stands before
            // those.
            uint header = BinaryPrimitives.ReadUInt32LittleEndian(trace);
            int length = sizeof(uint) + (header >> 31 != 0 ? sizeof(ulong) : 0) + ((int)(header >> 28 & 7) * sizeof(uint));
            if (length > trace.Length)
            {
                throw new BenchException("xentrace's file ends within a record");
            }

            switch (header & 0xfffffff)
            {
                case TRC_HVM_VMEXIT or TRC_HVM_VMEXIT64:
                    exits++;
                    break;
                case TRC_HVM_VMMCALL:
                    hypercalls++;
                    break;
                case TRC_LOST_RECORDS:
                    throw new BenchException("Xen's trace buffer was too small");
            }

            trace = trace[length..];
        }

        return new(exits, hypercalls);
    }
}

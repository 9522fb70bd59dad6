using System.Runtime.InteropServices;
using System.Text;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Ends;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel;

/// <summary>Reads the nucleus's threads and pages.</summary>
internal sealed unsafe class GuestDiagnostics(XenEventChannels channels, XenSharedPages pages) : IDiagnostics
{
    private const string What = "diagnostics";

    public IReadOnlyList<ThreadReport> ReadThreads()
    {
        for (int room = 64; ;)
        {
            // Not memory of the collector: its pages need not be present, and the nucleus would have to find frames for them.
            NucleusThreadRecord* records = (NucleusThreadRecord*)NativeMemory.AllocZeroed((nuint)room, (nuint)sizeof(NucleusThreadRecord));
            try
            {
                long count = NucleusSystemCall.Invoke(NucleusCall.ReadThreads, (ulong)records, (ulong)room);
                if (count < 0)
                {
                    throw NucleusError.ToException(count, What, "asking for the threads");
                }

                if (count <= room)
                {
                    return Reports(new ReadOnlySpan<NucleusThreadRecord>(records, (int)count));
                }

                // A few more than there were, because threads may start meanwhile.
                room = (int)count + 16;
            }
            finally
            {
                NativeMemory.Free(records);
            }
        }
    }

    public MemoryReport ReadMemory()
    {
        NucleusMemoryRecord record = default;
        long answer = NucleusSystemCall.Invoke(NucleusCall.ReadMemory, (ulong)&record);
        return answer < 0
            ? throw NucleusError.ToException(answer, What, "asking for the memory")
            : new MemoryReport(
                [
                    new("image", record.Image),
                    new("page tables", record.PageTables),
                    new("heaps and mappings", record.Mappings),
                    new("stacks", record.Stacks),
                    new("shared with other domains", record.Shared),
                    new("nucleus", record.Nucleus),
                    new("files", record.Files),
                ],
                record.Free,
                record.Promised);
    }

    public ConnectionReport ReadConnections()
    {
        NucleusStatistics read = Guest.Read();
        return new(channels.Ports, read.SharedPages, read.Grants, pages.HeldPages);
    }

    private static List<ThreadReport> Reports(ReadOnlySpan<NucleusThreadRecord> records)
    {
        List<ThreadReport> reports = [];
        foreach (ref readonly NucleusThreadRecord record in records)
        {
            fixed (NucleusThreadRecord* fixedRecord = &record)
            {
                ReadOnlySpan<byte> name = new(fixedRecord->Name, 16);
                int end = name.IndexOf((byte)0);
                reports.Add(new()
                {
                    Id = record.Id,
                    Name = Encoding.UTF8.GetString(end < 0 ? name : name[..end]),
                    State = reports.Count == 0 ? "running" : Describe(record.State, record.Wait),
                    ProcessorTime = TimeSpan.FromMicroseconds(record.CpuTime / 1000.0),
                    Stack = new ReadOnlySpan<ulong>(fixedRecord->Addresses, record.Count).ToArray(),
                });
            }
        }

        // The nucleus returns the calling thread first and the others youngest first.
        reports.Sort(1, reports.Count - 1, Comparer<ThreadReport>.Create((one, other) => one.Id.CompareTo(other.Id)));
        return reports;
    }

    private static string Describe(Nucleus.Threads.ThreadState state, WaitKind wait) =>
        state != Nucleus.Threads.ThreadState.Blocked ? "ready" : "waiting: " + wait switch
        {
            WaitKind.Futex => "futex",
            WaitKind.Sleep => "sleep",
            WaitKind.FileRead => "read",
            WaitKind.FileWrite => "write",
            WaitKind.Poll or WaitKind.EventPoll => "poll",
            WaitKind.EventChannel => "event channels",
            WaitKind.Termination => "termination",
            WaitKind.Sockets => "sockets",
            WaitKind.FileLock => "lock",
            _ => "nothing",
        };
}

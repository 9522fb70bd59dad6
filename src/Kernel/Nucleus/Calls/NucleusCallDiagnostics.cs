using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Ends;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Nucleus.Unwind;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>A snapshot of what the threads do and who owns the memory: nothing else runs while the nucleus takes it.</summary>
internal static unsafe class NucleusCallDiagnostics
{
    /// <summary>The maximum number of frames to walk. Each costs about a microsecond in which nothing else runs.</summary>
    private const int MaximumDepth = 10_000;

    public static long WriteThreads(ulong address, ulong room)
    {
        long error = room > int.MaxValue ? -Errno.EFAULT : ProgramMemory.PrepareWrite(address, room * (ulong)sizeof(NucleusThreadRecord));
        if (error < 0)
        {
            return error;
        }

        NucleusThreadRecord* record = (NucleusThreadRecord*)address;
        Thread* current = Scheduler.Current;
        if (room > 0)
        {
            Write(record++, current);
            room--;
        }

        for (Thread* thread = ThreadTable.First; thread != null && room > 0; thread = thread->NextInProcess)
        {
            if (thread != current)
            {
                Write(record++, thread);
                room--;
            }
        }

        return ThreadTable.Count;
    }

    public static long WriteMemory(ulong address)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(NucleusMemoryRecord));
        if (error < 0)
        {
            return error;
        }

        MemoryOwners.Count((NucleusMemoryRecord*)address);
        return 0;
    }

    private static void Write(NucleusThreadRecord* record, Thread* thread)
    {
        record->Id = thread->Id;
        record->State = thread->State;
        record->Wait = thread->Wait;
        record->CpuTime = thread == Scheduler.Current ? Scheduler.CurrentCpuTime : thread->CpuTime;
        Machine.Copy(record->Name, thread->Name, 16);
        record->Count = Walk(&thread->Frame, record->Addresses);
    }

    /// <summary>If the stack is too deep for the record, the places after the innermost ones form a ring of the outermost ones.</summary>
    private static int Walk(Frame* frame, ulong* addresses)
    {
        const int innermost = NucleusThreadRecord.Innermost;
        const int outermost = NucleusThreadRecord.MaximumAddresses - innermost;
        UnwindRegisters registers;
        UnwindRegisters.Load(&registers, frame);
        ulong* last = stackalloc ulong[outermost];
        int depth = 0;
        UnwindStop stop = UnwindStop.None;
        while (stop == UnwindStop.None && depth < MaximumDepth)
        {
            ulong address = registers.Values[UnwindRegisters.Rip];
            if (depth < innermost)
            {
                addresses[depth] = address;
            }
            else
            {
                last[(depth - innermost) % outermost] = address;
            }

            depth++;
            stop = Unwinder.Step(UnwindTables.OfImage, &registers);
        }

        int count = Math.Min(depth, NucleusThreadRecord.MaximumAddresses);
        for (int i = innermost; i < count; i++)
        {
            addresses[i] = last[(depth - count + i - innermost) % outermost];
        }

        return count;
    }
}

using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Ends;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux;

/// <summary>The ways in which the program can end.</summary>
internal static unsafe class ProgramEnd
{
    /// <summary>
    /// Normal end: writes the status to xenstore and the last line, then powers off, or reboots if <see cref="Termination"/> was asked to.
    /// </summary>
    [DoesNotReturn]
    public static void Exit(int status)
    {
        ExitRecord.Write(status);
        ConsoleDevice.DrainAtEnd();
        LastLine("xenlet: exit "u8, (uint)status & 0xff);
        if (Termination.ThenReboot)
        {
            KernelEnd.Reboot();
        }

        KernelEnd.PowerOff();
    }

    /// <summary>A signal without a handler. As on Linux, SIGTERM and the like end the program, and SIGABRT and the like crash it.</summary>
    [DoesNotReturn]
    public static void KilledBySignal(int signal)
    {
        if (signal is SignalNumber.SIGINT or SignalNumber.SIGTERM or SignalNumber.SIGHUP or SignalNumber.SIGKILL or SignalNumber.SIGPIPE)
        {
            Exit(128 + signal);
        }

        ConsoleDevice.DrainAtEnd();
        Panic.Begin();
        KernelLog.Write("xenlet: the program was ended by "u8);
        KernelLog.Write(SignalNumber.Name(signal));
        KernelLog.Write(" in "u8);
        ThreadName.Write(Scheduler.Current);
        KernelLog.NewLine();
        WriteMemory();
        Panic.Crash();
    }

    /// <summary>A hardware fault that the program does not handle.</summary>
    [DoesNotReturn]
    public static void KilledByFault(Thread* thread, int signal, SignalInfo info)
    {
        BeginReport(thread);
        KernelLog.Write("fault in the program: "u8);
        KernelLog.Write(SignalNumber.Name(signal));
        KernelLog.Write(", address "u8);
        KernelLog.WriteHex(info.Address);
        EndReport(thread);
    }

    [DoesNotReturn]
    public static void StackOverflow(Thread* thread, ulong address)
    {
        BeginReport(thread);
        KernelLog.Write("stack overflow: "u8);
        KernelLog.WriteDecimal((thread->StackHigh - thread->StackLow) / 1024);
        KernelLog.Write(" KiB are used up, address "u8);
        KernelLog.WriteHex(address);
        EndReport(thread);
    }

    /// <summary>A stack cannot grow: all other memory is promised.</summary>
    [DoesNotReturn]
    public static void OutOfMemory(Thread* thread, ulong address)
    {
        BeginReport(thread);
        KernelLog.Write("out of memory: no page is left for "u8);
        KernelLog.Write(DemandPaging.Shortage == MemoryShortage.PageTable ? "a page table"u8 : "a stack"u8);
        KernelLog.Write(", address "u8);
        KernelLog.WriteHex(address);
        EndReport(thread);
    }

    private static void BeginReport(Thread* thread)
    {
        ConsoleDevice.DrainAtEnd();
        Panic.Begin();
        KernelLog.Write("xenlet: "u8);
        ThreadName.Write(thread);
        KernelLog.Write(": "u8);
    }

    [DoesNotReturn]
    private static void EndReport(Thread* thread)
    {
        KernelLog.NewLine();
        Registers.Write(&thread->Frame);
        Backtrace.FromFrame(&thread->Frame);
        Panic.Crash();
    }

    /// <summary>
    /// Logs the memory state. A program whose heap is full often cannot report that itself, because the message would need memory.
    /// </summary>
    private static void WriteMemory()
    {
        KernelLog.Write("xenlet: memory: "u8);
        KernelLog.WriteDecimal(MemoryCharge.Available * Pages.Size / 1024);
        KernelLog.Write(" of "u8);
        KernelLog.WriteDecimal(FrameAllocator.TotalFrames * Pages.Size / 1024);
        KernelLog.Write(" KiB were left\n"u8);
    }

    /// <summary>The only line that the nucleus writes to the console of a healthy program.</summary>
    private static void LastLine(ReadOnlySpan<byte> text, uint number)
    {
        ConsoleDevice.StartLine();
        for (int i = 0; i < text.Length; i++)
        {
            ConsoleDevice.WriteByPolling(text[i]);
        }

        byte* digits = stackalloc byte[Digits.Maximum];
        int count = Digits.WriteDecimal(number, digits);
        for (int i = 0; i < count; i++)
        {
            ConsoleDevice.WriteByPolling(digits[i]);
        }

        ConsoleDevice.WriteByPolling((byte)'\n');
        ConsoleDevice.DrainAtEnd();
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>The instruction by which a hypercall was made.</summary>
internal enum HostInstruction
{
    Vmcall,
    Vmmcall,
}

/// <summary>A hypercall as the hypervisor sees it.</summary>
/// <param name="Argument">The structure passed, as it was at the call: <see cref="Machine.ArgumentLength"/> bytes.</param>
internal sealed record HostHypercall(
    HostInstruction Instruction, uint Number, ulong A1, ulong A2, ulong A3, ulong A4, ulong A5, byte[] Argument)
{
    /// <summary>The structure that the argument at this address points to, to be read or written.</summary>
    public static unsafe ref T At<T>(ulong address)
        where T : unmanaged => ref *(T*)address;
}

/// <summary>What <see cref="Machine.Halt"/> does on the host.</summary>
internal sealed class MachineHaltedException() : Exception("the machine halted");

/// <summary>What <see cref="Panic.Halt"/> and <see cref="Panic.Crash"/> do on the host.</summary>
internal sealed class PanicException(string what) : Exception(what);

/// <summary>
/// The machine on the host: the same members as the machine code's imports, on top of what a test sets up. <see cref="Reset"/> before
/// each test; tests of this assembly do not run in parallel, because the nucleus's state is static, as this is.
/// </summary>
internal static unsafe class Machine
{
    public static List<HostHypercall> Hypercalls { get; } = [];

    /// <summary>Answers hypercalls; may write to the argument's structure.</summary>
    public static Func<HostHypercall, long> Hypervisor { get; set; } = static _ => 0;

    /// <summary>
    /// How many bytes of the argument's structure are recorded with each hypercall; the size of the structure under test.
    /// </summary>
    public static int ArgumentLength { get; set; }

    /// <summary>eax, ebx, ecx, edx by leaf and subleaf; a leaf that is not here reads as zeroes.</summary>
    public static Dictionary<(uint Leaf, uint Subleaf), uint[]> CpuidLeaves { get; } = [];

    public static Func<ulong> TimeStampCounter { get; set; } = static () => 0;

    public static Dictionary<uint, ulong> ModelSpecificRegisters { get; } = [];

    public static Func<ushort, int, uint> PortInput { get; set; } = static (_, _) => uint.MaxValue;

    public static List<(ushort Port, int Size, uint Value)> PortOutput { get; } = [];

    /// <summary>Called by <see cref="Pause"/>, so that a test can act while the nucleus waits.</summary>
    public static Action? OnPause { get; set; }

    /// <summary>Called by <see cref="InvalidatePage"/>: where the host's memory follows the page tables.</summary>
    public static Action<ulong>? OnInvalidatePage { get; set; }

    /// <summary>The page-table root that the nucleus loaded.</summary>
    public static ulong PageTableRoot { get; private set; }

    /// <summary>RDRAND's next number; null when the processor has none.</summary>
    public static Func<ulong?> RandomNumber { get; set; } = static () => null;

    /// <summary>RDSEED's next number; null when the processor has none.</summary>
    public static Func<ulong?> SeedNumber { get; set; } = static () => null;

    public static void Reset()
    {
        Hypercalls.Clear();
        Hypervisor = static _ => 0;
        ArgumentLength = 0;
        CpuidLeaves.Clear();
        TimeStampCounter = static () => 0;
        ModelSpecificRegisters.Clear();
        PortInput = static (_, _) => uint.MaxValue;
        PortOutput.Clear();
        OnPause = null;
        OnInvalidatePage = null;
        PageTableRoot = 0;
        RandomNumber = static () => null;
        SeedNumber = static () => null;
        DirectMap.Reset();
        KernelLog.Reset();
        Panic.Reset();
    }

    public static long HypercallIntel(ulong a1, ulong a2, ulong a3, ulong a4, ulong a5, uint number) =>
        Enter(HostInstruction.Vmcall, a1, a2, a3, a4, a5, number);

    public static long HypercallAmd(ulong a1, ulong a2, ulong a3, ulong a4, ulong a5, uint number) =>
        Enter(HostInstruction.Vmmcall, a1, a2, a3, a4, a5, number);

    public static byte In8(ushort port) => (byte)PortInput(port, 1);

    public static ushort In16(ushort port) => (ushort)PortInput(port, 2);

    public static uint In32(ushort port) => PortInput(port, 4);

    public static void Out8(ushort port, byte value) => PortOutput.Add((port, 1, value));

    public static void Out16(ushort port, ushort value) => PortOutput.Add((port, 2, value));

    public static void Out32(ushort port, uint value) => PortOutput.Add((port, 4, value));

    /// <summary>The content of the processor's floating point registers.</summary>
    public static byte[] FloatingPointState { get; } = new byte[512];

    public static void SaveFloatingPoint(byte* image)
    {
        Assert.Equal(0ul, (ulong)image % 16);
        FloatingPointState.CopyTo(new Span<byte>(image, 512));
    }

    public static ulong ReadMsr(uint register) => ModelSpecificRegisters.GetValueOrDefault(register);

    public static void WriteMsr(uint register, ulong value) => ModelSpecificRegisters[register] = value;

    public static void WriteCr3(ulong value) => PageTableRoot = value;

    public static void InvalidatePage(ulong address) => OnInvalidatePage?.Invoke(address);

    public static uint Random(ulong* value) => Give(RandomNumber(), value);

    public static uint RandomSeed(ulong* value) => Give(SeedNumber(), value);

    public static ulong ReadTsc() => TimeStampCounter();

    public static void Cpuid(uint leaf, uint subleaf, uint* result)
    {
        uint[] registers = CpuidLeaves.GetValueOrDefault((leaf, subleaf)) ?? new uint[4];
        for (int i = 0; i < 4; i++)
        {
            result[i] = registers[i];
        }
    }

    public static void Fill(void* destination, byte value, nuint count) => NativeMemory.Fill(destination, count, value);

    public static void Copy(void* destination, void* source, nuint count) => Buffer.MemoryCopy(source, destination, count, count);

    [DoesNotReturn]
    public static void Halt() => throw new MachineHaltedException();

    public static void Pause() => OnPause?.Invoke();

    private static uint Give(ulong? number, ulong* value)
    {
        *value = number ?? 0;
        return number == null ? 0u : 1u;
    }

    private static long Enter(HostInstruction instruction, ulong a1, ulong a2, ulong a3, ulong a4, ulong a5, uint number)
    {
        byte[] argument = [];
        ulong address = number == HypercallNumber.__HYPERVISOR_vcpu_op ? a3 : a2;
        if (ArgumentLength > 0 && address != 0)
        {
            argument = new ReadOnlySpan<byte>((void*)address, ArgumentLength).ToArray();
        }

        HostHypercall call = new(instruction, number, a1, a2, a3, a4, a5, argument);
        Hypercalls.Add(call);
        return Hypervisor(call);
    }
}

/// <summary>The nucleus's log on the host: a string.</summary>
internal static unsafe class KernelLog
{
    private static readonly StringBuilder Written = new();

    /// <summary>What was logged since the last <see cref="Machine.Reset"/>.</summary>
    public static string Text => Written.ToString();

    public static void Reset() => Written.Clear();

    public static void Write(ReadOnlySpan<byte> text) => Written.Append(Encoding.UTF8.GetString(text));

    public static void Write(byte* text, nuint length) => Write(new ReadOnlySpan<byte>(text, (int)length));

    public static void WriteByte(byte value) => Written.Append((char)value);

    public static void WriteHex(ulong value) => Written.Append(null, $"0x{value:x16}");

    public static void WriteDecimal(ulong value) => Written.Append(value);

    public static void NewLine() => Written.Append('\n');
}

/// <summary>A panic on the host: an exception.</summary>
internal static class Panic
{
    /// <summary>True once a report has begun; a second one is a defect.</summary>
    public static bool InProgress { get; private set; }

    public static void Reset() => InProgress = false;

    public static void Begin()
    {
        Assert.False(InProgress, "a report began inside a report");
        InProgress = true;
    }

    /// <summary>A report of one line.</summary>
    public static void BeginWithoutBacktrace(ReadOnlySpan<byte> what)
    {
        Begin();
        KernelLog.Write("xenlet: "u8);
        KernelLog.Write(what);
    }

    /// <summary>The end of a report: what was logged is the exception's message.</summary>
    [DoesNotReturn]
    public static void Crash() => throw new PanicException(KernelLog.Text);

    [DoesNotReturn]
    public static void Halt(ReadOnlySpan<byte> what) => throw new PanicException(Encoding.UTF8.GetString(what));
}

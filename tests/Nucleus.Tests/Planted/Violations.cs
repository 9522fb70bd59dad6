using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Planted;

/// <summary>One broken rule of the nucleus in each export, behind a call, so that a chain has something to name.</summary>
internal static unsafe class Violations
{
    private static readonly object[] Objects = new object[4];
    private static delegate*<int, int> s_pointer;
    private static int s_sink;

    [ThreadStatic]
    private static int s_perThread;

    [RuntimeExport("planted_allocation")]
    private static int Allocation(int value) => Allocate(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Allocate(int value)
    {
        int[] numbers = new int[value];
        Volatile.Write(ref s_sink, numbers.Length);
        return numbers[value - 1];
    }

    [RuntimeExport("planted_pinvoke")]
    private static int PInvoke(int value) => CallNative(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallNative(int value) => Absolute(value);

    [DllImport("libc", EntryPoint = "abs")]
    private static extern int Absolute(int value);

    [RuntimeExport("planted_poll")]
    private static int Poll(int value) => CallNativeWithoutTransition(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallNativeWithoutTransition(int value) => LongAbsolute(value);

    [DllImport("libc", EntryPoint = "labs")]
    [SuppressGCTransition]
    private static extern int LongAbsolute(int value);

    [RuntimeExport("planted_function_pointer")]
    private static int FunctionPointer(int value) => CallPointer(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallPointer(int value)
    {
        int result = s_pointer(value);
        return result + 1;
    }

    [RuntimeExport("planted_thread_static")]
    private static int ThreadStatic(int value) => UseThreadStatic(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int UseThreadStatic(int value) => s_perThread += value;

    [RuntimeExport("planted_virtual_call")]
    private static int VirtualCall(int value) => CallVirtual(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallVirtual(int value) => Volatile.Read(ref Objects[value]).GetHashCode();

    [RuntimeExport("planted_bounds_check")]
    private static int BoundsCheck(byte* memory, int length, int index) => Index(new ReadOnlySpan<byte>(memory, length), index);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Index(ReadOnlySpan<byte> bytes, int index) => bytes[index];

    [RuntimeExport("planted_class_constructor")]
    private static int ClassConstructor(int value) => UseClassConstructor(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int UseClassConstructor(int value) => WithConstructor.Value + value;

    [RuntimeExport("planted_throw")]
    private static int Throw(int value) => ThrowWhenNegative(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ThrowWhenNegative(int value) => value >= 0 ? value : throw new InvalidOperationException();

    [RuntimeExport("planted_span_clear")]
    private static int SpanClear(byte* memory, int length) => Clear(new Span<byte>(memory, length));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Clear(Span<byte> bytes)
    {
        bytes.Clear();
        return bytes.Length;
    }

    /// <summary>Keeps the compiler from knowing what the pointer and the objects are.</summary>
    public static void Prepare(string[] arguments)
    {
        Objects[0] = arguments;
        Objects[1] = arguments.Length > 1 ? "text" : new Exception();
        s_pointer = arguments.Length > 2 ? &First : &Second;
    }

    private static int First(int value) => value;

    private static int Second(int value) => -value;

    private static class WithConstructor
    {
        public static readonly int Value;

        static WithConstructor() => Value = Environment.ProcessId;
    }
}

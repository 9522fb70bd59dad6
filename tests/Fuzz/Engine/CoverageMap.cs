using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;

namespace Xenlet.Fuzz;

/// <summary>
/// SharpFuzz's map: instrumented code counts in it each step from one basic block to another. Counts are told apart by their magnitude, as
/// AFL does, so that a loop that runs once more is nothing new each time.
/// </summary>
internal sealed unsafe class CoverageMap : IDisposable
{
    private const int Size = 1 << 16;

    /// <summary>
    /// SharpFuzz's own. Found by name: SharpFuzz takes an assembly that refers to it for an instrumented one, and refuses it.
    /// </summary>
    private static readonly Type Trace = Assembly.Load("SharpFuzz.Common").GetType("SharpFuzz.Common.Trace", throwOnError: true)!;

    private static readonly Action ForgetLocation = MakeForgetLocation();

    private readonly byte* _counts = (byte*)NativeMemory.AlignedAlloc(Size, 64);
    private readonly byte[] _seen = new byte[Size];

    public CoverageMap()
    {
        SetMap(_counts);
        Begin();
    }

    /// <summary>Steps between basic blocks that were ever seen.</summary>
    public int Edges { get; private set; }

    /// <summary>Begins an execution.</summary>
    public void Begin()
    {
        new Span<byte>(_counts, Size).Clear();
        ForgetLocation();
    }

    /// <summary>
    /// Whether the execution since <see cref="Begin"/> took a step that none took before, or took one much more often; it is remembered.
    /// </summary>
    public bool TakeNews()
    {
        bool isNew = false;
        ReadOnlySpan<byte> counts = new(_counts, Size);
        for (int at = Next(counts, 0); at >= 0; at = Next(counts, at + 1))
        {
            byte magnitude = Magnitude(counts[at]);
            if ((_seen[at] & magnitude) == 0)
            {
                Edges += _seen[at] == 0 ? 1 : 0;
                _seen[at] |= magnitude;
                isNew = true;
            }
        }

        return isNew;
    }

    /// <summary>A number that is equal for executions that took the same paths about equally often.</summary>
    public ulong Sign()
    {
        ulong sign = 14695981039346656037;
        ReadOnlySpan<byte> counts = new(_counts, Size);
        for (int at = Next(counts, 0); at >= 0; at = Next(counts, at + 1))
        {
            // FNV-1a.
            sign = (sign ^ (((ulong)at << 8) | Magnitude(counts[at]))) * 1099511628211;
        }

        return sign;
    }

    /// <summary>Forgets all steps.</summary>
    public void Forget()
    {
        Array.Clear(_seen);
        Edges = 0;
    }

    public void Dispose()
    {
        SetMap(null);
        NativeMemory.AlignedFree(_counts);
    }

    /// <summary>The next place from here on that was counted at, or -1.</summary>
    private static int Next(ReadOnlySpan<byte> counts, int from)
    {
        int next = counts[from..].IndexOfAnyExcept((byte)0);
        return next < 0 ? -1 : from + next;
    }

    private static void SetMap(byte* map) => Trace.GetField("SharedMem")!.SetValue(null, Pointer.Box(map, typeof(byte*)));

    private static Action MakeForgetLocation()
    {
        DynamicMethod method = new("ForgetLocation", null, []);
        ILGenerator code = method.GetILGenerator();
        code.Emit(OpCodes.Ldc_I4_0);
        code.Emit(OpCodes.Stsfld, Trace.GetField("PrevLocation")!);
        code.Emit(OpCodes.Ret);
        return method.CreateDelegate<Action>();
    }

    private static byte Magnitude(byte count) => count switch
    {
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}

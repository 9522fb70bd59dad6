using System.Runtime;
using System.Runtime.CompilerServices;

namespace Planted;

/// <summary>Code that breaks no rule: nothing may be reported.</summary>
internal static unsafe class Clean
{
    private static int s_sink;

    [RuntimeExport("planted_nothing")]
    private static int Nothing(int value, byte* memory) => Choose(value) + Sum(memory, value);

    // Long enough for a jump table, and with results that no arithmetic gives.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Choose(int value)
    {
        switch (value)
        {
            case 3:
                return Sum((byte*)&value, 1);
            case 4:
                s_sink = 5;
                return 17;
            case 5:
                return s_sink * 3;
            case 6:
                s_sink++;
                return 4;
            case 7:
                return Sum((byte*)&value, 2) * 2;
            case 9:
                return -s_sink;
            case 10:
                return 1 << s_sink;
            default:
                return 0;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Sum(byte* memory, int count)
    {
        int sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += memory[i];
        }

        return sum;
    }
}

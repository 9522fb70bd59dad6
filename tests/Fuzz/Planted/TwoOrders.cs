namespace Xenlet.Fuzz.Planted;

/// <summary>Two pieces of work whose order the input's only byte chooses without a branch, as a thread pool does.</summary>
internal static class TwoOrders
{
    private static readonly Action[] Works = [Add, Multiply];
    private static int s_total;

    public static void Run(byte[] input)
    {
        Works[input[0]]();
        Works[1 - input[0]]();
    }

    private static void Add() => s_total += 3;

    private static void Multiply() => s_total *= 5;
}

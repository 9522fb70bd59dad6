using System.Runtime.CompilerServices;

namespace Xenlet.GuestImage;

/// <summary>Values that even a compiler of the whole program cannot know, so that it keeps the instruction under test.</summary>
internal static class Hidden
{
    private static volatile object? s_nothing = new();
    private static volatile int s_zero = 1;

    public static int Zero => s_zero;

    public static int MinusOne => s_zero - 1;

    /// <summary>Called once with a number that depends on the command line.</summary>
    public static void Initialize(int argumentCount)
    {
        s_zero = argumentCount < 0 ? 1 : 0;
        s_nothing = argumentCount < 0 ? new object() : null;
    }

    /// <summary>A null reference.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static T Nothing<T>()
        where T : class => Unsafe.As<T>(s_nothing!);

    /// <summary>The same object, of a type that is not known.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object Opaque(object value) => value;
}

namespace Xenlet.Architecture.Tests.Planted.High;

/// <summary>What nothing of the lower floor may know. It is everything that one can know a type as.</summary>
[AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
internal class HighType : Attribute
{
    internal static HighType? Shared { get; set; }

    internal static void Call()
    {
    }

    internal interface INested;

    internal sealed class Failure : Exception;
}

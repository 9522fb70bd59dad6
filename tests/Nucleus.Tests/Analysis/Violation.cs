namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>What rule was broken.</summary>
internal enum Rule
{
    /// <summary>A call or jump to a function outside the allow-list.</summary>
    ForbiddenFunction,

    /// <summary>A call or jump to where no function is known.</summary>
    UnknownTarget,

    /// <summary>A call or jump whose target is not in the code.</summary>
    UnresolvedTarget,

    /// <summary>An access through fs, which belongs to the program's threads.</summary>
    ThreadLocalAccess,

    /// <summary>A system call: the nucleus would enter itself.</summary>
    SystemCall,

    /// <summary>Bytes that are no instruction.</summary>
    NotCode,
}

/// <summary>A broken rule.</summary>
/// <param name="Rule">Which.</param>
/// <param name="Chain">How the place is reached: an entry point first, what must not be reached or the guilty function last.</param>
/// <param name="Address">Address of the guilty instruction.</param>
/// <param name="Instruction">The instruction.</param>
internal sealed record Violation(Rule Rule, IReadOnlyList<string> Chain, ulong Address, string Instruction)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Rule}: {string.Join(" -> ", Chain)} (at 0x{Address:x}: {Instruction})";
}

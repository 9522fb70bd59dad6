using Iced.Intel;

namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>
/// Proves that code needs no runtime: walks every call and jump from its entry points, whole functions at a time, and reports what it
/// reaches outside an allow-list, what cannot be followed, and what only a thread of the program may do.
/// </summary>
internal sealed class NucleusWalk
{
    private readonly CodeImage _image;
    private readonly AllowList _allowed;
    private readonly Dictionary<Function, Function?> _callers = [];
    private readonly Queue<Function> _pending = [];
    private readonly List<Violation> _violations = [];

    private NucleusWalk(CodeImage image, AllowList allowed)
    {
        _image = image;
        _allowed = allowed;
    }

    /// <summary>What a walk found.</summary>
    /// <param name="Functions">Every function it decoded.</param>
    /// <param name="Violations">Every broken rule, each with the shortest way there.</param>
    public sealed record Outcome(IReadOnlyCollection<Function> Functions, IReadOnlyList<Violation> Violations);

    /// <summary>Walks from the entry points.</summary>
    /// <exception cref="ArgumentException">An entry point is not among the image's symbols.</exception>
    public static Outcome Run(CodeImage image, AllowList allowed, IEnumerable<string> entryPoints)
    {
        NucleusWalk walk = new(image, allowed);
        foreach (string name in entryPoints)
        {
            Function entry = image.FindByName(name)
                ?? throw new ArgumentException($"the image has no function {name}", nameof(entryPoints));
            walk.Reach(entry, null);
        }

        while (walk._pending.TryDequeue(out Function? function))
        {
            walk.Decode(function);
        }

        return new Outcome(walk._callers.Keys, walk._violations);
    }

    private void Reach(Function function, Function? caller)
    {
        if (_callers.TryAdd(function, caller))
        {
            _pending.Enqueue(function);
        }
    }

    private void Decode(Function function)
    {
        List<Instruction> code = CodeReader.Decode(_image, function);
        if (code[^1].IsInvalid)
        {
            Report(Rule.NotCode, function, code[^1]);
            return;
        }

        for (int i = 0; i < code.Count; i++)
        {
            Check(function, code, i);
        }

        // A function without a last jump runs on into the next one. A call may be the last: of what does not return.
        if (code[^1].FlowControl is FlowControl.Next or FlowControl.ConditionalBranch)
        {
            Follow(function, code[^1], code[^1].NextIP);
        }
    }

    private void Check(Function function, List<Instruction> code, int index)
    {
        Instruction instruction = code[index];
        if (instruction.SegmentPrefix == Register.FS)
        {
            Report(Rule.ThreadLocalAccess, function, instruction);
        }

        switch (instruction.FlowControl)
        {
            case FlowControl.Call or FlowControl.UnconditionalBranch or FlowControl.ConditionalBranch
                when instruction.Op0Kind == OpKind.NearBranch64:
                Follow(function, instruction, instruction.NearBranchTarget);
                break;
            case FlowControl.Call when instruction.Mnemonic is Mnemonic.Syscall or Mnemonic.Sysenter:
                Report(Rule.SystemCall, function, instruction);
                break;
            case FlowControl.IndirectCall:
                Report(Rule.UnresolvedTarget, function, instruction);
                break;
            case FlowControl.IndirectBranch
                when instruction.Op0Kind == OpKind.Register && index == code.Count - 1 && _allowed.IsWayOut(function):
                break;
            case FlowControl.IndirectBranch:
                FollowTable(function, code, index);
                break;
        }
    }

    private void FollowTable(Function function, List<Instruction> code, int index)
    {
        IReadOnlyList<ulong>? targets = JumpTable.TryResolve(code, index, _image);
        if (targets is null)
        {
            Report(Rule.UnresolvedTarget, function, code[index]);
            return;
        }

        foreach (ulong target in targets)
        {
            if (code.TrueForAll(instruction => instruction.IP != target))
            {
                Report(Rule.UnknownTarget, function, code[index]);
            }
        }
    }

    private void Follow(Function function, in Instruction instruction, ulong target)
    {
        if (target >= function.Address && target < function.End)
        {
            return;
        }

        if (_image.FindByAddress(target) is not { } callee)
        {
            Report(Rule.UnknownTarget, function, instruction);
        }
        else if (_allowed.Allows(callee))
        {
            Reach(callee, function);
        }
        else
        {
            Report(Rule.ForbiddenFunction, function, instruction, callee);
        }
    }

    private void Report(Rule rule, Function function, in Instruction instruction, Function? callee = null)
    {
        List<string> chain = callee is null ? [] : [callee.ToString()];
        for (Function? caller = function; caller is not null; caller = _callers[caller])
        {
            chain.Insert(0, caller.ToString());
        }

        _violations.Add(new Violation(rule, chain, instruction.IP, instruction.ToString()));
    }
}

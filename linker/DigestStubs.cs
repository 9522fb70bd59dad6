using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Xenlet.Linker.LeafFunctions;

namespace Xenlet.Linker;

/// <summary>
/// The functions below .NET's hashes, for an image that has of OpenSSL the digests alone. OpenSSL's own interface to them (EVP) looks them
/// up by name among all that its default provider has, and so links all of it. These call the digests of that provider themselves, by the
/// interface between OpenSSL and its providers (provider-digest(7)): the code that hashes is the same.
/// </summary>
/// <remarks>
/// What stands for EVP_MD is a digest's table of functions, OSSL_DISPATCH of openssl/core.h: { int number; void* function; }, ended by the
/// number 0. A context, which EvpMdCtxCreate and EvpMdCtxCopyEx allocate and EvpMdCtxDestroy frees, is { table, OpenSSL's state }; OpenSSL
/// overwrites the state before it frees it. As OpenSSL's, a context is for one thread at a time. The C library's errno stands for the queue
/// of errors: the one thing that fails is an allocation. Signatures: pal_evp.h and pal_err.h of System.Security.Cryptography.Native in
/// dotnet/runtime.
/// </remarks>
public static class DigestStubs
{
    // OSSL_FUNC_DIGEST_ of openssl/core_dispatch.h.
    private const int NewContext = 1, Initialize = 2, Update = 3, Final = 4, FreeContext = 6, DuplicateContext = 7, GetParameters = 8;

    private const int DispatchSize = 16, DispatchFunction = 8;

    private const int ContextSize = 16, ContextState = 8;

    // OSSL_PARAM of openssl/core.h, OSSL_PARAM_UNSIGNED_INTEGER, and OSSL_DIGEST_PARAM_SIZE of openssl/core_names.h, "size", as a number.
    private const int ParameterType = 8, ParameterData = 16, ParameterDataSize = 24, ParameterReturnSize = 32, ParameterSize = 40;
    private const int UnsignedInteger = 2, SizeKey = 0x657A_6973;

    // asm-generic/errno-base.h.
    private const int OutOfMemory = 12;

    private const string Find = "xenlet_digest_function", Prepare = "xenlet_digest_operation", ClearError = "xenlet_digest_clear_error";

    private const string Create = "CryptoNative_EvpMdCtxCreate", Destroy = "CryptoNative_EvpMdCtxDestroy",
        Copy = "CryptoNative_EvpMdCtxCopyEx", Reset = "CryptoNative_EvpDigestReset", Add = "CryptoNative_EvpDigestUpdate",
        Finish = "CryptoNative_EvpDigestFinalEx", Current = "CryptoNative_EvpDigestCurrent", OneShot = "CryptoNative_EvpDigestOneShot",
        Size = "CryptoNative_EvpMdSize";

    /// <summary>The algorithms: .NET's function, and the table of OpenSSL's provider that it returns.</summary>
    public static IReadOnlyList<(string Function, string Table)> Algorithms { get; } =
    [
        ("CryptoNative_EvpMd5", "ossl_md5_functions"),
        ("CryptoNative_EvpSha1", "ossl_sha1_functions"),
        ("CryptoNative_EvpSha256", "ossl_sha256_functions"),
        ("CryptoNative_EvpSha384", "ossl_sha384_functions"),
        ("CryptoNative_EvpSha512", "ossl_sha512_functions"),
        ("CryptoNative_EvpSha3_256", "ossl_sha3_256_functions"),
        ("CryptoNative_EvpSha3_384", "ossl_sha3_384_functions"),
        ("CryptoNative_EvpSha3_512", "ossl_sha3_512_functions"),
        ("CryptoNative_EvpShake128", "ossl_shake_128_functions"),
        ("CryptoNative_EvpShake256", "ossl_shake_256_functions"),
    ];

    /// <summary>.NET's functions that there are.</summary>
    public static IReadOnlyList<string> Functions { get; } =
        [.. Algorithms.Select(algorithm => algorithm.Function), Size, Create, Destroy, Copy, Reset, Add, Finish, Current, OneShot];

    /// <summary>
    /// Functions by which OpenSSL notes an error, which ld has to redirect (<c>--wrap</c>): its own start all of OpenSSL. Nothing is noted.
    /// </summary>
    public static IReadOnlyList<string> Wrapped { get; } = ["ERR_new", "ERR_set_debug", "ERR_set_error"];

    /// <summary>Makes the functions.</summary>
    /// <returns>The blocks. They need OpenSSL's libcrypto.a and the C library.</returns>
    public static IEnumerable<Block> Assemble() =>
    [
        .. Algorithms.Select(algorithm => Code(algorithm.Function, e =>
        {
            LoadTable(e, algorithm.Table);
            e.Code.ret();
        })),
        Code(Size, EmitSize),
        Code(Create, EmitCreate),
        Code(Destroy, EmitDestroy),
        Code(Copy, EmitCopy),
        Code(Reset, EmitReset),
        Code(Add, EmitAdd),
        Code(Finish, EmitFinish),
        Code(Current, EmitCurrent),
        Code(OneShot, EmitOneShot),
        Code(CryptographyStubs.GetError, EmitGetError),
        Code(ClearError, EmitClearError),
        Code(Prepare, EmitPrepare),
        Function(Find, EmitFind),
        .. Wrapped.Select(name => Function("__wrap_" + name, static c => c.ret())),
    ];

    private static Block Code(string name, Action<StubEmitter> emit)
    {
        StubEmitter emitter = new(64);
        emit(emitter);
        return emitter.ToBlock(name);
    }

    private static void Save(Assembler c, AssemblerRegister64[] registers)
    {
        foreach (AssemblerRegister64 register in registers)
        {
            c.push(register);
        }
    }

    private static void Restore(Assembler c, AssemblerRegister64[] registers)
    {
        foreach (AssemblerRegister64 register in registers.Reverse())
        {
            c.pop(register);
        }
    }

    /// <summary>rax becomes the address of a table.</summary>
    private static void LoadTable(StubEmitter e, string table)
    {
        e.Code.AddInstruction(
            Instruction.Create(Iced.Intel.Code.Lea_r64_m, Register.RAX, new MemoryOperand(Register.RIP, StubEmitter.Placeholder, 4)));
        e.Refer(table, OperandField.Displacement, RelocationType.Relative32, -4);
    }

    /// <summary>In: rax, a table; ecx, a number. Out: rax, the function. Other registers stay.</summary>
    private static void EmitFind(Assembler c)
    {
        Label next = c.CreateLabel(), found = c.CreateLabel();
        c.Label(ref next);
        c.cmp(__dword_ptr[rax], ecx);
        c.je(found);
        c.cmp(__dword_ptr[rax], 0);
        c.lea(rax, __[rax + DispatchSize]);
        c.jne(next);

        // OpenSSL itself takes no digest that lacks one of them.
        c.ud2();
        c.Label(ref found);
        c.mov(rax, __qword_ptr[rax + DispatchFunction]);
        c.ret();
    }

    /// <summary>In: rdi, a context; ecx, a number. Out: rax, the function, and rdi, OpenSSL's state. Other registers stay.</summary>
    private static void EmitPrepare(StubEmitter e)
    {
        e.Code.mov(rax, __qword_ptr[rdi]);
        e.Code.mov(rdi, __qword_ptr[rdi + ContextState]);
        e.Jump(Find);
    }

    /// <summary>All registers that a call may change stay, but rax.</summary>
    private static void EmitClearError(StubEmitter e)
    {
        Assembler c = e.Code;
        AssemblerRegister64[] kept = [rdi, rsi, rdx, rcx, r8];
        Save(c, kept);

        // Called from functions that have aligned the stack: the return address and five registers keep it aligned.
        e.Call(StubNames.ErrnoLocation);
        c.mov(__dword_ptr[rax], 0);
        Restore(c, kept);
        c.ret();
    }

    /// <summary>C: <c>uint64_t (int32_t* isAllocationFailure)</c>; 0, since errors have no numbers here.</summary>
    private static void EmitGetError(StubEmitter e)
    {
        Assembler c = e.Code;
        Label end = c.CreateLabel();
        c.push(rbx);
        c.mov(rbx, rdi);
        e.Call(StubNames.ErrnoLocation);
        c.xor(ecx, ecx);
        c.cmp(__dword_ptr[rax], OutOfMemory);
        c.sete(cl);
        c.mov(__dword_ptr[rax], 0);
        c.test(rbx, rbx);
        c.je(end);
        c.mov(__dword_ptr[rbx], ecx);
        c.Label(ref end);
        c.xor(eax, eax);
        c.pop(rbx);
        c.ret();
    }

    /// <summary>C: <c>int32_t (const EVP_MD* digest)</c>; bytes of its hashes, or -1.</summary>
    private static void EmitSize(StubEmitter e)
    {
        // The parameter that is asked for, the end of the list, the answer and the key.
        const int End = ParameterSize, Answer = 2 * ParameterSize, Key = Answer + 8, Frame = Key + 16;
        Assembler c = e.Code;
        Label none = c.CreateLabel(), end = c.CreateLabel();
        c.sub(rsp, Frame);
        c.mov(rax, rdi);
        c.test(rax, rax);
        c.je(none);
        c.mov(__qword_ptr[rsp + Key], SizeKey);
        c.lea(rcx, __[rsp + Key]);
        c.mov(__qword_ptr[rsp], rcx);
        c.mov(__dword_ptr[rsp + ParameterType], UnsignedInteger);
        c.lea(rcx, __[rsp + Answer]);
        c.mov(__qword_ptr[rsp + ParameterData], rcx);
        c.mov(__qword_ptr[rsp + ParameterDataSize], 8);
        c.mov(__qword_ptr[rsp + ParameterReturnSize], 0);
        c.mov(__qword_ptr[rsp + End], 0);
        c.mov(ecx, GetParameters);
        e.Call(Find);
        c.mov(rdi, rsp);
        c.call(rax);
        c.test(eax, eax);
        c.jle(none);
        c.mov(eax, __dword_ptr[rsp + Answer]);
        c.jmp(end);
        c.Label(ref none);
        c.mov(eax, -1);
        c.Label(ref end);
        c.add(rsp, Frame);
        c.ret();
    }

    /// <summary>C: <c>EVP_MD_CTX* (const EVP_MD* digest)</c>; NULL when there is no memory.</summary>
    private static void EmitCreate(StubEmitter e)
    {
        Assembler c = e.Code;
        AssemblerRegister64[] saved = [rbx, r12];
        Label failed = c.CreateLabel(), end = c.CreateLabel();
        Save(c, saved);
        c.sub(rsp, 8);
        c.mov(rbx, rdi);
        e.Call(ClearError);
        c.xor(r12d, r12d);
        c.test(rbx, rbx);
        c.je(end);
        c.mov(edi, ContextSize);
        e.Call("malloc");
        c.test(rax, rax);
        c.je(end);
        c.mov(r12, rax);
        c.mov(__qword_ptr[r12], rbx);
        c.mov(rax, rbx);
        c.mov(ecx, NewContext);
        e.Call(Find);

        // The provider's own context, which a digest has no use for.
        c.xor(edi, edi);
        c.call(rax);
        c.mov(__qword_ptr[r12 + ContextState], rax);
        c.test(rax, rax);
        c.je(failed);
        c.mov(rdi, r12);
        c.mov(ecx, Initialize);
        e.Call(Prepare);
        c.xor(esi, esi);
        c.call(rax);
        c.test(eax, eax);
        c.jg(end);
        c.Label(ref failed);
        c.mov(rdi, r12);
        e.Call(Destroy);
        c.xor(r12d, r12d);
        c.Label(ref end);
        c.mov(rax, r12);
        c.add(rsp, 8);
        Restore(c, saved);
        c.ret();
    }

    /// <summary>C: <c>void (EVP_MD_CTX* context)</c>; NULL is none.</summary>
    private static void EmitDestroy(StubEmitter e)
    {
        Assembler c = e.Code;
        Label none = c.CreateLabel(), stateless = c.CreateLabel();
        c.test(rdi, rdi);
        c.je(none);
        c.push(rbx);
        c.mov(rbx, rdi);
        c.mov(ecx, FreeContext);
        e.Call(Prepare);
        c.test(rdi, rdi);
        c.je(stateless);
        c.call(rax);
        c.Label(ref stateless);
        c.mov(rdi, rbx);
        c.pop(rbx);
        e.Jump("free");
        c.Label(ref none);
        c.ret();
    }

    /// <summary>C: <c>EVP_MD_CTX* (const EVP_MD_CTX* context)</c>; NULL when there is no memory.</summary>
    private static void EmitCopy(StubEmitter e)
    {
        Assembler c = e.Code;
        AssemblerRegister64[] saved = [rbx, r12];
        Label end = c.CreateLabel();
        Save(c, saved);
        c.sub(rsp, 8);
        c.mov(rbx, rdi);
        c.xor(r12d, r12d);
        c.test(rbx, rbx);
        c.je(end);
        c.mov(edi, ContextSize);
        e.Call("malloc");
        c.test(rax, rax);
        c.je(end);
        c.mov(r12, rax);
        c.mov(rdi, rbx);
        c.mov(ecx, DuplicateContext);
        e.Call(Prepare);
        c.call(rax);
        c.mov(rcx, __qword_ptr[rbx]);
        c.mov(__qword_ptr[r12], rcx);
        c.mov(__qword_ptr[r12 + ContextState], rax);
        c.test(rax, rax);
        c.jne(end);
        c.mov(rdi, r12);
        e.Call("free");
        c.xor(r12d, r12d);
        c.Label(ref end);
        c.mov(rax, r12);
        c.add(rsp, 8);
        Restore(c, saved);
        c.ret();
    }

    /// <summary>C: <c>int32_t (EVP_MD_CTX* context, const EVP_MD* digest)</c>. A context is of one digest: .NET names no other.</summary>
    private static void EmitReset(StubEmitter e)
    {
        Assembler c = e.Code;
        Label other = c.CreateLabel();
        c.cmp(rsi, __qword_ptr[rdi]);
        c.jne(other);
        c.sub(rsp, 8);
        e.Call(ClearError);
        c.mov(ecx, Initialize);
        e.Call(Prepare);
        c.xor(esi, esi);
        c.add(rsp, 8);
        c.jmp(rax);
        c.Label(ref other);
        c.xor(eax, eax);
        c.ret();
    }

    /// <summary>C: <c>int32_t (EVP_MD_CTX* context, const void* bytes, int32_t count)</c>.</summary>
    private static void EmitAdd(StubEmitter e)
    {
        Assembler c = e.Code;
        Label none = c.CreateLabel();
        c.test(edx, edx);
        c.jle(none);
        c.mov(edx, edx);
        c.mov(ecx, Update);
        e.Call(Prepare);
        c.jmp(rax);
        c.Label(ref none);
        c.sete(al);
        c.movzx(eax, al);
        c.ret();
    }

    /// <summary>C: <c>int32_t (EVP_MD_CTX* context, uint8_t* hash, uint32_t* size)</c>. The context wants a reset then.</summary>
    private static void EmitFinish(StubEmitter e)
    {
        const int Written = 0, Expected = 8, Frame = 16;
        Assembler c = e.Code;
        AssemblerRegister64[] saved = [rbx, r12, r13];
        Label failed = c.CreateLabel(), end = c.CreateLabel();
        Save(c, saved);
        c.sub(rsp, Frame);
        c.mov(rbx, rdi);
        c.mov(r12, rsi);
        c.mov(r13, rdx);
        e.Call(ClearError);
        c.mov(rdi, __qword_ptr[rbx]);
        e.Call(Size);
        c.test(eax, eax);
        c.js(failed);
        c.mov(__qword_ptr[rsp + Expected], rax);
        c.mov(rdi, rbx);
        c.mov(ecx, Final);
        e.Call(Prepare);
        c.mov(rsi, r12);
        c.lea(rdx, __[rsp + Written]);
        c.mov(rcx, __qword_ptr[rsp + Expected]);
        c.call(rax);
        c.cmp(eax, 1);
        c.jne(end);
        c.mov(ecx, __dword_ptr[rsp + Written]);
        c.mov(__dword_ptr[r13], ecx);
        c.jmp(end);
        c.Label(ref failed);
        c.xor(eax, eax);
        c.Label(ref end);
        c.add(rsp, Frame);
        Restore(c, saved);
        c.ret();
    }

    /// <summary>C: <c>int32_t (const EVP_MD_CTX* context, uint8_t* hash, uint32_t* size)</c>. The context goes on.</summary>
    private static void EmitCurrent(StubEmitter e)
    {
        Assembler c = e.Code;
        AssemblerRegister64[] saved = [rbx, r12, r13];
        Label end = c.CreateLabel();
        Save(c, saved);
        c.mov(rbx, rsi);
        c.mov(r12, rdx);
        e.Call(Copy);
        c.test(rax, rax);
        c.je(end);
        c.mov(r13, rax);
        c.mov(rdi, rax);
        c.mov(rsi, rbx);
        c.mov(rdx, r12);
        e.Call(Finish);
        c.mov(ebx, eax);
        c.mov(rdi, r13);
        e.Call(Destroy);
        c.mov(eax, ebx);
        c.Label(ref end);
        Restore(c, saved);
        c.ret();
    }

    /// <summary>C: <c>int32_t (const EVP_MD* digest, const void* bytes, int32_t count, uint8_t* hash, uint32_t* size)</c>.</summary>
    private static void EmitOneShot(StubEmitter e)
    {
        Assembler c = e.Code;
        AssemblerRegister64[] saved = [rbx, r12, r13, r14, r15];
        Label failed = c.CreateLabel(), destroy = c.CreateLabel(), end = c.CreateLabel();
        Save(c, saved);
        c.test(edx, edx);
        c.js(failed);
        c.test(rcx, rcx);
        c.je(failed);
        c.test(r8, r8);
        c.je(failed);
        c.mov(rbx, rsi);
        c.mov(r12d, edx);
        c.mov(r13, rcx);
        c.mov(r14, r8);
        e.Call(Create);
        c.mov(r15, rax);
        c.test(rax, rax);
        c.je(failed);
        c.mov(rdi, r15);
        c.mov(rsi, rbx);
        c.mov(edx, r12d);
        e.Call(Add);
        c.xor(ebx, ebx);
        c.cmp(eax, 1);
        c.jne(destroy);
        c.mov(rdi, r15);
        c.mov(rsi, r13);
        c.mov(rdx, r14);
        e.Call(Finish);
        c.mov(ebx, eax);
        c.Label(ref destroy);
        c.mov(rdi, r15);
        e.Call(Destroy);
        c.mov(eax, ebx);
        c.jmp(end);
        c.Label(ref failed);
        c.xor(eax, eax);
        c.Label(ref end);
        Restore(c, saved);
        c.ret();
    }
}

namespace Xenlet.GuestWork;

/// <summary>The program that the JavaScript interpreter runs; it prints through <c>print</c>.</summary>
internal static class JavaScriptProgram
{
    public const string Source = """
        'use strict';
        function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
        function sum(...numbers) { return numbers.reduce((a, b) => a + b, 0); }
        const counter = (() => { let n = 0; return () => ++n; })();
        print([5, 3, 11, 1, 20].sort().join() + ' ' + [5, 3, 11, 1, 20].sort((a, b) => a - b).join());
        print('2026-11-22'.replace(/(\d+)-(\d+)-(\d+)/, '$3.$2.$1') + ' ' + 'aXbXc'.split(/x/i));
        print(JSON.stringify({ a: [1, 2, { b: null }], text: 'ü"\n', when: new Date(0).toISOString() }));
        print(JSON.stringify(JSON.parse('{"x":[1e3,true,"\\u00e9"]}'), null, 2));
        const map = new Map([['one', 1], ['two', 2]]);
        map.set({}, 3);
        print([...map.values()].join() + ' ' + new Set([1, 2, 2, 3, 3]).size);
        class Shape { constructor(n) { this.n = n; } area() { return 0; } get name() { return `${this.constructor.name}#${this.n}`; } }
        class Square extends Shape { area() { return this.n ** 2; } }
        print(new Square(12).area() + ' ' + new Square(12).name);
        function* evens() { for (let i = 0; ; i += 2) yield i; }
        const taken = []; for (const e of evens()) { if (e > 10) break; taken.push(e); }
        print(taken.join() + ' ' + (() => { try { null.x } catch (e) { return e instanceof TypeError } finally { counter() } })());
        const { a, ...rest } = { a: 1, b: 2, c: 3 };
        print(a + JSON.stringify(rest) + [1, [2, [3, [4]]]].flat(Infinity) + (0.1 + 0.2) + ' ' + (2n ** 64n) + ' ' + parseInt('ff', 16));
        const sieve = Array(2000).fill(true);
        for (let i = 2; i * i < 2000; i++) if (sieve[i]) for (let j = i * i; j < 2000; j += i) sieve[j] = false;
        print(sieve.reduce((count, prime, i) => count + (prime && i > 1 ? 1 : 0), 0) + ' primes');
        """;
}
